import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { PlayerRenderer } from './player-renderer';
import { MIME_TYPE } from './player-run';

/** Lower ranks win: a player stands beside a plotly figure, which Plotly's own extension draws with rank 0. */
const RANK = -1;

/** Plays tile traces: outputs of type application/vnd.flashlab.trace.v1+json. */
export const tilePlayer: JupyterFrontEndPlugin<void> = {
  id: 'jupyterlab-flashlab:tile-player',
  description: 'Plays the tile traces of FlashLab: FlashAttention-1 and -2, step by step.',
  autoStart: true,
  requires: [IRenderMimeRegistry],
  optional: [ITranslator],
  activate: (_app: JupyterFrontEnd, registry: IRenderMimeRegistry, translator: ITranslator | null) => {
    const trans = (translator ?? nullTranslator).load('jupyterlab_flashlab');
    registry.addFactory({ safe: true, mimeTypes: [MIME_TYPE], createRenderer: () => new PlayerRenderer(trans) }, RANK);
  },
};
