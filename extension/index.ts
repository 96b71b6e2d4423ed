import type { JupyterFrontEndPlugin } from '@jupyterlab/application';
import { commands } from './commands';
import { insertAttention } from './insert-attention';
import { magicHighlight } from './magic-highlight';
import { plotRenderer } from './plot-plugin';

const plugins: JupyterFrontEndPlugin<void>[] = [plotRenderer, insertAttention, commands, magicHighlight];
export default plugins;
