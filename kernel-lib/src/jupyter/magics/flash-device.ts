import { LIMITS } from '../../device/device';
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
    const { limits, features, ...info } = await Promise.race([notebookFlash().device(), cell.interrupted]);
    const rows: [string, string][] = Object.entries(info).map(([name, value]) => [name, String(value)]);
    rows.push(['features', features.join(', ')]);
    for (const name of LIMITS) rows.push([name, amount(name, limits[name])]);
    cell.display(textAndTable(rows));
  },
};

function amount(name: string, value: number | undefined): string {
  if (value === undefined) return 'unknown';
  if (!name.endsWith('Size')) return String(value);
  return value >= 2 ** 20 ? `${+(value / 2 ** 20).toPrecision(4)} MiB` : `${+(value / 2 ** 10).toPrecision(4)} KiB`;
}
