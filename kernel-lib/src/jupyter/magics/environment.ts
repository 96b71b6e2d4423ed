import { inspect } from 'node:util';
import type { Magic } from './magic';
import { textAndTable } from './table';

/** Lists the notebook's variables. */
export const who: Magic = {
  kind: 'line',
  name: 'who',
  usage: '%who',
  summary: 'Lists the variables of the notebook with their types and values.',

  run({ cell, session }) {
    const rows = session.variables().map(({ name, type, value }): [string, string] => {
      const shown = inspect(value, { depth: 0, breakLength: Infinity, maxArrayLength: 5, maxStringLength: 60 });
      return [name, `${type === '' ? '' : `${type}: `}${shown.length > 100 ? `${shown.slice(0, 99)}…` : shown}`];
    });
    if (rows.length === 0) cell.stream('stdout', 'There are no variables.\n');
    else cell.display(textAndTable(rows));
    return Promise.resolve();
  },
};

/** Forgets the notebook's variables. */
export const reset: Magic = {
  kind: 'line',
  name: 'reset',
  usage: '%reset',
  summary: 'Forgets all variables of the notebook, when the cell has ended.',

  run({ session }) {
    session.reset();
    return Promise.resolve();
  },
};

/** Changes the folder. */
export const cd: Magic = {
  kind: 'line',
  name: 'cd',
  takes: 'text',
  usage: '%cd ../data',
  summary: 'Changes the current folder, and tells which it is.',

  run({ cell, args: [folder] }) {
    if (folder !== undefined) process.chdir(String(folder));
    cell.stream('stdout', `${process.cwd()}\n`);
    return Promise.resolve();
  },
};

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
