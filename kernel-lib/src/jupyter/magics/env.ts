import type { Magic } from './magic';
import { textAndTable } from './table';

/** Environment variables. */
export const env: Magic = {
  kind: 'line',
  name: 'env',
  takes: 'text',
  usage: '%env NAME=value',
  summary: 'Sets an environment variable; shows one by its NAME, or all of them.',

  run({ cell, args: [text = ''] }) {
    const [, name, , value] = /^([^=\s]*)\s*(=\s*(.*))?$/.exec(String(text)) ?? [];
    if (name === undefined) throw new SyntaxError(`%env: expected NAME, NAME=value or nothing, got ${String(text)}`);
    if (name === '') {
      const all = Object.entries(process.env).sort(([a], [b]) => (a < b ? -1 : 1));
      cell.display(textAndTable(all.map(([key, shown]): [string, string] => [key, shown ?? ''])));
    } else {
      if (value !== undefined) process.env[name] = value;
      const shown = process.env[name];
      cell.stream('stdout', shown === undefined ? `${name} is not set\n` : `${name}=${shown}\n`);
    }
    return Promise.resolve();
  },
};
