import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { INotebookTracker } from '@jupyterlab/notebook';
import { LabIcon } from '@jupyterlab/ui-components';
import svg from '../style/icons/flashlab.svg';
import { currentFlashNotebook, insertCell, onNotebookChange } from './flash-notebook';

export const COMMAND = 'flashlab:insert-attention';

/** What the inserted cell holds. */
const SOURCE = '%%flash.attention({ seq: 256, causal: true })';

export const flashlabIcon = new LabIcon({ name: 'jupyterlab-flashlab:icon', svgstr: svg });

/** A command, in the palette and on the notebook's toolbar, that adds a cell with the attention magic. */
export const insertAttention: JupyterFrontEndPlugin<void> = {
  id: 'jupyterlab-flashlab:insert-attention',
  description: 'Adds a command that inserts a cell with the magic %%flash.attention.',
  autoStart: true,
  requires: [INotebookTracker],
  optional: [ICommandPalette],
  activate: (app: JupyterFrontEnd, tracker: INotebookTracker, palette: ICommandPalette | null) => {
    app.commands.addCommand(COMMAND, {
      label: 'Insert a FlashAttention Cell',
      caption: 'Insert a cell that runs FlashAttention forward and backward and checks it',
      icon: flashlabIcon,
      // The magic is a word of our kernel only.
      isEnabled: () => currentFlashNotebook(tracker) !== null,
      execute: () => {
        const panel = currentFlashNotebook(tracker);
        if (panel) insertCell(panel, SOURCE);
      },
    });
    palette?.addItem({ command: COMMAND, category: 'Notebook Cell Operations' });
    // The button is grey while a notebook's kernel is not ours.
    onNotebookChange(tracker, () => app.commands.notifyCommandChanged(COMMAND));
  },
};
