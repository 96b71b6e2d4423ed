import type { JupyterFrontEndPlugin } from '@jupyterlab/application';
import { commands } from './commands';
import { insertAttention } from './insert-attention';
import { plotRenderer } from './plot-plugin';

const plugins: JupyterFrontEndPlugin<void>[] = [plotRenderer, insertAttention, commands];
export default plugins;
