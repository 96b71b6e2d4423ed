import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import type { Message } from '@lumino/messaging';
import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import * as React from 'react';
import { pictureOf } from '../figures/static-picture';
import { PlayerModel } from './player-model';
import { MIME_TYPE, readRun } from './player-run';
import { PlayerView } from './player-view';

/** Shows one traced run. An output that is updated in place starts anew. */
export class PlayerRenderer extends ReactWidget implements IRenderMime.IRenderer {
  private model: PlayerModel | null = null;
  /** The picture that stands beside a run. */
  private picture: string | null = null;

  constructor(private readonly trans: TranslationBundle) {
    super();
    this.addClass('jp-FlashLab-player');
  }

  protected override onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    window.addEventListener('keydown', this.keepKeys, true);
  }

  protected override onBeforeDetach(message: Message): void {
    window.removeEventListener('keydown', this.keepKeys, true);
    super.onBeforeDetach(message);
  }

  /**
   * JupyterLab's plain keys would delete cells while the reader plays with the keyboard; what is pressed with Ctrl, as for saving,
   * stays JupyterLab's. It looks for this mark when it takes a key, after the window.
   */
  private readonly keepKeys = ({ ctrlKey, metaKey }: KeyboardEvent): void => {
    this.node.toggleAttribute('data-lm-suppress-shortcuts', !ctrlKey && !metaKey);
  };

  async renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    const run = readRun(model.data[MIME_TYPE]);
    this.model = run && new PlayerModel(run);
    this.picture = pictureOf(model.data);
    this.update();
  }

  protected override render(): React.JSX.Element {
    const { model, picture, trans } = this;
    if (model) return <PlayerView model={model} trans={trans} />;
    const refusal = trans.__('This output is no tile trace that this version of FlashLab can play.');
    return (
      <>
        <p>{refusal}</p>
        {picture !== null && <img src={picture} alt={trans.__('The order in which tiles are visited')} />}
      </>
    );
  }
}
