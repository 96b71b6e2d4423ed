import { ILayoutRestorer, type JupyterFrontEnd, type JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { SHOW_PANEL } from '../device/adapter-button';
import { IDevices } from '../device/devices';
import { flashlabIcon } from '../icon';
import { DevicePanel } from './device-panel';

/** The device panel in the right side bar, and the command that shows it. */
export const devicePanel: JupyterFrontEndPlugin<void> = {
  id: 'jupyterlab-flashlab:device-panel',
  description: 'Shows the adapter, its memory and its kernels in the right side bar.',
  autoStart: true,
  requires: [IDevices],
  optional: [ILayoutRestorer, ICommandPalette, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    devices: IDevices,
    restorer: ILayoutRestorer | null,
    palette: ICommandPalette | null,
    translator: ITranslator | null,
  ) => {
    const trans = (translator ?? nullTranslator).load('jupyterlab_flashlab');
    const panel = new DevicePanel(devices, trans, () => void app.commands.execute('flashlab:new-notebook'));
    app.shell.add(panel, 'right', { rank: 900, type: 'FlashLab' });
    restorer?.add(panel, panel.id);
    app.commands.addCommand(SHOW_PANEL, {
      label: trans.__('Show the Device Panel'),
      icon: flashlabIcon,
      execute: () => app.shell.activateById(panel.id),
    });
    palette?.addItem({ command: SHOW_PANEL, category: trans.__('FlashLab') });
  },
};
