import { inspect } from 'node:util';
import { notebookFlash } from '../library';
import type { Magic } from './magic';
import { textAndTable } from './table';

/** Shows which device computes, and why it was chosen. */
export const flashDevice: Magic = {
  kind: 'line',
  name: 'flash.device',
  usage: '%flash.device',
  summary: 'Shows the device that computes: adapter, driver, features, limits, and why it was chosen.',

  async run({ cell }) {
    const info = await Promise.race([notebookFlash().device(), cell.interrupted]);
    const rows = Object.entries(info).map(([name, value]: [string, unknown]): [string, string] => [name, show(value)]);
    cell.display(textAndTable(rows));
  },
};

function show(value: unknown): string {
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) return value.join(', ');
  if (typeof value === 'object' && value !== null) {
    return Object.entries(value)
      .map(([name, each]: [string, unknown]) => `${name} ${String(each)}`)
      .join(', ');
  }
  return inspect(value);
}
