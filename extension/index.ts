import type { JupyterFrontEndPlugin } from '@jupyterlab/application';
import { commands } from './commands';
import { adapterButton } from './device/adapter-button';
import { devices } from './device/devices';
import { devicePanel } from './device-panel/panel-plugin';
import { plotRenderer } from './figures/plot-plugin';
import { insertAttention } from './insert-attention';
import { magicHighlight } from './magic-highlight';
import { settings } from './settings';
import { tilePlayer } from './tile-player/player-plugin';

const plugins: JupyterFrontEndPlugin<unknown>[] = [
  settings,
  devices,
  adapterButton,
  devicePanel,
  plotRenderer,
  tilePlayer,
  insertAttention,
  commands,
  magicHighlight,
];
export default plugins;
