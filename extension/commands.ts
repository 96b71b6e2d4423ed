import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, InputDialog, Notification } from '@jupyterlab/apputils';
import { INotebookTracker, NotebookActions, type NotebookPanel } from '@jupyterlab/notebook';
import { currentFlashNotebook, insertCell, KERNEL, onNotebookChange } from './flash-notebook';
import { flashlabIcon } from './insert-attention';

const CATEGORY = 'FlashLab';

/** Where the first notebook of the course may lie: `npm start` serves its folder, others serve a checkout. */
const COURSE = ['00-quickstart.ipynb', 'notebooks/00-quickstart.ipynb'];

/** What FLASH_ADAPTER may say. */
const ADAPTERS = ['auto', 'hardware', 'lavapipe', 'swiftshader'];

/** Cells that a command adds and runs. */
const CELLS = {
  'flashlab:run-check': { label: 'Check the Attention Kernels', source: '%flash.check()' },
  'flashlab:run-bench': { label: 'Time the Attention Kernels', source: '%flash.bench({ seqs: [128, 256, 512] })' },
  'flashlab:show-device': { label: 'Show the Device That Computes', source: '%flash.device' },
} as const;

/** The palette's commands around FlashLab notebooks. */
export const commands: JupyterFrontEndPlugin<void> = {
  id: 'jupyterlab-flashlab:commands',
  description: 'Adds commands that make a FlashLab notebook, open the course, check, time, and change the adapter.',
  autoStart: true,
  requires: [INotebookTracker],
  optional: [ICommandPalette],
  activate: (app: JupyterFrontEnd, tracker: INotebookTracker, palette: ICommandPalette | null) => {
    const inNotebook: string[] = [];
    const add = (id: string, label: string, execute: () => Promise<unknown>, isEnabled = () => true): void => {
      app.commands.addCommand(id, { label, icon: flashlabIcon, isEnabled, execute });
      palette?.addItem({ command: id, category: CATEGORY });
    };
    /** Adds a command that is there only while a notebook with our kernel is in front. */
    const addHere = (id: string, label: string, execute: (panel: NotebookPanel) => Promise<unknown>): void => {
      inNotebook.push(id);
      const inFront = (): NotebookPanel | null => currentFlashNotebook(tracker);
      const run = async (): Promise<void> => {
        const panel = inFront();
        if (panel) await execute(panel);
      };
      add(id, label, run, () => inFront() !== null);
    };

    add('flashlab:new-notebook', 'New FlashLab Notebook', () =>
      app.commands.execute('notebook:create-new', { kernelName: KERNEL }),
    );
    add('flashlab:open-course', 'Open the FlashAttention Course', () => openCourse(app));
    for (const [id, { label, source }] of Object.entries(CELLS)) {
      addHere(id, label, async (panel) => {
        insertCell(panel, source);
        await NotebookActions.run(panel.content, panel.sessionContext);
      });
    }
    addHere('flashlab:restart-with-adapter', 'Restart the Kernel with Another Adapter…', restartWithAdapter);
    onNotebookChange(tracker, () => inNotebook.forEach((id) => app.commands.notifyCommandChanged(id)));
  },
};

async function openCourse(app: JupyterFrontEnd): Promise<void> {
  for (const path of COURSE) {
    const found = await app.serviceManager.contents.get(path, { content: false }).catch(() => null);
    if (found) {
      await app.commands.execute('docmanager:open', { path });
      return;
    }
  }
  Notification.warning(
    `The course is not below the folder that JupyterLab serves; looked for ${COURSE.join(' and ')}.`,
  );
}

/** The variables are lost, as with every restart; the adapter holds until the next one. */
async function restartWithAdapter({ sessionContext }: NotebookPanel): Promise<void> {
  const { value: adapter } = await InputDialog.getItem({
    title: 'Restart the kernel with another adapter',
    label: 'All variables of the notebook will be lost. Adapter:',
    items: ADAPTERS,
    okLabel: 'Restart',
  });
  if (adapter === null || !ADAPTERS.includes(adapter)) return;
  await sessionContext.restartKernel();
  const code = `process.env.FLASH_ADAPTER = ${JSON.stringify(adapter)};`;
  const done = sessionContext.session?.kernel?.requestExecute({ code, silent: true, store_history: false });
  await done?.done;
  Notification.success(`The kernel computes on adapter '${adapter}' from now on.`, { autoClose: 3000 });
}
