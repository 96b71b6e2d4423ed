import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { INotebookTracker, NotebookActions } from '@jupyterlab/notebook';
import { LabIcon } from '@jupyterlab/ui-components';
import svg from '../style/icons/flashlab.svg';

export const COMMAND = 'flashlab:insert-attention';

/** The name of FlashLab's kernelspec. */
const KERNEL = 'flashlab';

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
      isEnabled: () => tracker.currentWidget?.sessionContext.session?.kernel?.name === KERNEL,
      execute: () => {
        const notebook = tracker.currentWidget?.content;
        if (!notebook) return;
        NotebookActions.insertBelow(notebook);
        notebook.activeCell?.model.sharedModel.setSource(SOURCE);
        notebook.mode = 'edit';
      },
    });
    palette?.addItem({ command: COMMAND, category: 'Notebook Cell Operations' });
    // The button is grey while a notebook's kernel is not ours, so a new kernel asks for a new look.
    tracker.currentChanged.connect(() => app.commands.notifyCommandChanged(COMMAND));
    tracker.widgetAdded.connect((_, panel) => {
      panel.sessionContext.kernelChanged.connect(() => app.commands.notifyCommandChanged(COMMAND));
    });
  },
};
