import type { JupyterFrontEndPlugin } from '@jupyterlab/application';
import { commands } from './commands';
import { adapterButton } from './device/adapter-button';
import { devices } from './device/devices';
import { devicePanel } from './device-panel/panel-plugin';
import { insertAttention } from './insert-attention';
import { magicHighlight } from './magic-highlight';
import { plotRenderer } from './figures/plot-plugin';
import { settings } from './settings';

const plugins: JupyterFrontEndPlugin<unknown>[] = [
  settings,
  devices,
  adapterButton,
  devicePanel,
  plotRenderer,
  insertAttention,
  commands,
  magicHighlight,
];
export default plugins;
