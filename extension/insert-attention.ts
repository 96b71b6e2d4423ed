import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { INotebookTracker } from '@jupyterlab/notebook';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { currentFlashNotebook, insertCell, onNotebookChange } from './flash-notebook';
import { flashlabIcon } from './icon';

export const COMMAND = 'flashlab:insert-attention';

/** What the inserted cell holds. */
const SOURCE = '%%flash.attention({ seq: 256, causal: true })';

/** A command, in the palette and on the notebook's toolbar, that adds a cell with the attention magic. */
export const insertAttention: JupyterFrontEndPlugin<void> = {
  id: 'jupyterlab-flashlab:insert-attention',
  description: 'Adds a command that inserts a cell with the magic %%flash.attention.',
  autoStart: true,
  requires: [INotebookTracker],
  optional: [ICommandPalette, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    tracker: INotebookTracker,
    palette: ICommandPalette | null,
    translator: ITranslator | null,
  ) => {
    const trans = (translator ?? nullTranslator).load('jupyterlab_flashlab');
    app.commands.addCommand(COMMAND, {
      label: trans.__('Insert a FlashAttention Cell'),
      caption: trans.__('Insert a cell that runs FlashAttention forward and backward and checks it'),
      icon: flashlabIcon,
      // The magic is a word of our kernel only.
      isEnabled: () => currentFlashNotebook(tracker) !== null,
      execute: () => {
        const panel = currentFlashNotebook(tracker);
        if (panel) insertCell(panel, SOURCE);
      },
    });
    palette?.addItem({ command: COMMAND, category: trans.__('FlashLab') });
    // The button is grey while a notebook's kernel is not ours.
    onNotebookChange(tracker, () => app.commands.notifyCommandChanged(COMMAND));
  },
};
