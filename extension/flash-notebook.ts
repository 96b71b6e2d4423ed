import { type INotebookTracker, NotebookActions, type NotebookPanel } from '@jupyterlab/notebook';
import { KERNEL } from './kernel-name';

const isFlash = (panel: NotebookPanel): boolean => panel.sessionContext.session?.kernel?.name === KERNEL;

/** The notebook in front, if its kernel is ours. */
export function currentFlashNotebook(tracker: INotebookTracker): NotebookPanel | null {
  const panel = tracker.currentWidget;
  return panel && isFlash(panel) ? panel : null;
}

/** Adds a cell below the active one; the reader may type in it at once. */
export function insertCell({ content: notebook }: NotebookPanel, source: string): void {
  NotebookActions.insertBelow(notebook);
  notebook.activeCell?.model.sharedModel.setSource(source);
  notebook.mode = 'edit';
}

/** Calls `changed` whenever another notebook is in front, or one has another kernel. */
export function onNotebookChange(tracker: INotebookTracker, changed: () => void): void {
  tracker.currentChanged.connect(changed);
  tracker.widgetAdded.connect((_, panel) => void panel.sessionContext.kernelChanged.connect(changed));
}
