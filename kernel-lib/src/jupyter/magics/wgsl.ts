import type { Tensor } from '../../tensor/tensor';
import type { WgslBindings, WgslOptions } from '../../api/wgsl';
import { notebookFlash } from '../library';
import type { Magic } from './magic';

/** Runs a kernel of the reader's own. */
export const wgsl: Magic = {
  kind: 'cell',
  name: 'wgsl',
  textBody: true,
  usage: '%%wgsl({ bindings: { x, y: { shape: [64] } }, workgroups: 1 })',
  summary:
    'Runs the cell, which is WGSL, over tensors; it is called with the options of flash.wgsl. What it wrote is the value of the ' +
    'cell, and left in flash.written.',

  async run({ cell, args, body }) {
    const flash = notebookFlash();
    const options = { signal: cell.controller.signal, ...(args[0] as WgslOptions<WgslBindings>) };
    flash.written = (await flash.wgsl(String(body), options)) as Readonly<Record<string, Tensor | undefined>>;
    return flash.written;
  },
};
