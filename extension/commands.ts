import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, InputDialog, Notification } from '@jupyterlab/apputils';
import { ILauncher } from '@jupyterlab/launcher';
import { INotebookTracker, NotebookActions, type NotebookPanel } from '@jupyterlab/notebook';
import { ITranslator, nullTranslator, type TranslationBundle } from '@jupyterlab/translation';
import type { AdapterName } from '../kernel-lib/src/jupyter/device-panel/messages';
import type { DeviceModel } from './device/device-model';
import { IDevices } from './device/devices';
import { currentFlashNotebook, insertCell, onNotebookChange } from './flash-notebook';
import { flashlabIcon } from './icon';
import { KERNEL } from './kernel-name';
import { ADAPTERS, IFlashSettings } from './settings';

/** Where the first notebook of the course may lie: `npm start` serves its folder, others serve a checkout. */
const FIRST = '00-quickstart.ipynb';
const FOLDER = 'notebooks';
/** The course's folder for readers whose JupyterLab speaks this language. */
const CHINESE = 'zh';

/** How long a restarted kernel may take to answer, in milliseconds. */
const RESTART_MS = 60_000;

/** The commands around FlashLab notebooks, in the palette and on cards of the launcher. */
export const commands: JupyterFrontEndPlugin<void> = {
  id: 'jupyterlab-flashlab:commands',
  description: 'Adds commands that make a FlashLab notebook, open the course, check, time, and change the adapter.',
  autoStart: true,
  requires: [INotebookTracker, IDevices, IFlashSettings],
  optional: [ICommandPalette, ILauncher, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    tracker: INotebookTracker,
    devices: IDevices,
    settings: IFlashSettings,
    palette: ICommandPalette | null,
    launcher: ILauncher | null,
    translator: ITranslator | null,
  ) => {
    const trans = (translator ?? nullTranslator).load('jupyterlab_flashlab');
    const category = trans.__('FlashLab');
    const inNotebook: string[] = [];
    const add = (id: string, label: string, execute: () => Promise<unknown>, isEnabled = () => true): void => {
      app.commands.addCommand(id, { label, icon: flashlabIcon, isEnabled, execute });
      palette?.addItem({ command: id, category });
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
    /** Adds a command that adds a cell and runs it. */
    const addCell = (id: string, label: string, source: () => string): void =>
      addHere(id, label, async (panel) => {
        insertCell(panel, source());
        await NotebookActions.run(panel.content, panel.sessionContext);
      });

    add('flashlab:new-notebook', trans.__('New FlashLab Notebook'), () =>
      app.commands.execute('notebook:create-new', { kernelName: KERNEL }),
    );
    add('flashlab:open-course', trans.__('Open the FlashAttention Course'), () =>
      openCourse(app, trans, translator?.languageCode ?? 'en'),
    );
    addCell('flashlab:run-check', trans.__('Check the Attention Kernels'), () => '%flash.check()');
    addCell('flashlab:run-bench', trans.__('Time the Attention Kernels'), () => {
      return `%flash.bench({ seqs: [${settings.current.sweepSizes.join(', ')}] })`;
    });
    addCell('flashlab:show-device', trans.__('Show the Device That Computes'), () => '%flash.device');
    addHere('flashlab:restart-with-adapter', trans.__('Restart the Kernel with Another Adapter…'), (panel) =>
      restartWithAdapter(panel, devices.of(panel), trans),
    );
    onNotebookChange(tracker, () => inNotebook.forEach((id) => app.commands.notifyCommandChanged(id)));
    launcher?.add({ command: 'flashlab:new-notebook', category, rank: 1 });
    launcher?.add({ command: 'flashlab:open-course', category, rank: 2 });
  },
};

async function openCourse(app: JupyterFrontEnd, trans: TranslationBundle, language: string): Promise<void> {
  const { contents } = app.serviceManager;
  /** Names in a folder; asked for a file that is not there, the server would log an error. */
  const namesIn = async (folder: string): Promise<string[]> => {
    const { content } = await contents.get(folder, { content: true });
    return (content as { name: string }[]).map(({ name }) => name);
  };
  const here = await namesIn('');
  const inFolder = here.includes(FOLDER) ? await namesIn(FOLDER) : [];
  const [base, names] = here.includes(FIRST) ? ['', here] : [`${FOLDER}/`, inFolder];
  if (names.includes(FIRST)) {
    const chinese = language.startsWith(CHINESE) && names.includes(CHINESE);
    await app.commands.execute('docmanager:open', { path: `${base}${chinese ? `${CHINESE}/` : ''}${FIRST}` });
    return;
  }
  Notification.warning(
    trans.__(
      'The course is not below the folder that JupyterLab serves; looked for %1.',
      `${FIRST}, ${FOLDER}/${FIRST}`,
    ),
  );
}

/** The variables are lost, as with every restart; the adapter holds until the notebook is closed. */
async function restartWithAdapter(
  { sessionContext }: NotebookPanel,
  device: DeviceModel,
  trans: TranslationBundle,
): Promise<void> {
  const { value } = await InputDialog.getItem({
    title: trans.__('Restart the kernel with another adapter'),
    label: trans.__('All variables of the notebook will be lost. Adapter:'),
    items: [...ADAPTERS],
    // What computes now, so that Enter changes nothing.
    current: Math.max(0, ADAPTERS.indexOf((device.state.device?.driver ?? 'auto') as AdapterName)),
    okLabel: trans.__('Restart'),
  });
  if (!ADAPTERS.includes(value as AdapterName)) return;
  device.adapter = value as AdapterName;
  try {
    await sessionContext.restartKernel();
  } catch (error) {
    Notification.error(trans.__('The kernel was not restarted: %1', (error as Error).message));
    return;
  }
  await device.until(({ connection }) => connection === 'live', RESTART_MS);
  // Whether the adapter can be had is known when its device has started.
  device.send({ type: 'start' });
  await device.until(({ state }) => state.device !== null || state.notice !== null, RESTART_MS);
  const { device: started, notice } = device.state;
  if (started) Notification.success(trans.__('The kernel computes on %1 now.', started.name), { autoClose: 3000 });
  else if (notice && 'problem' in notice) Notification.error(notice.problem);
  else Notification.error(trans.__('The kernel was restarted, but does not answer.'));
}
