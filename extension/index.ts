import type { JupyterFrontEndPlugin } from '@jupyterlab/application';
import { insertAttention } from './insert-attention';
import { plotRenderer } from './plot-plugin';

const plugins: JupyterFrontEndPlugin<void>[] = [plotRenderer, insertAttention];
export default plugins;
