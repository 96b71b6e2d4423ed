import { inspect } from 'node:util';
import { variablesOf } from '../session/variables';
import type { Magic } from './magic';
import { textAndTable } from './table';

/** Lists the notebook's variables. */
export const who: Magic = {
  kind: 'line',
  name: 'who',
  usage: '%who',
  summary: 'Lists the variables of the notebook with their types and values.',

  run({ cell, notebook }) {
    const rows = variablesOf(notebook).map(({ name, type, value }): [string, string] => {
      const shown = inspect(value, { depth: 0, breakLength: Infinity, maxArrayLength: 5, maxStringLength: 60 });
      return [name, `${type === '' ? '' : `${type}: `}${shown.length > 100 ? `${shown.slice(0, 99)}…` : shown}`];
    });
    if (rows.length === 0) cell.stream('stdout', 'There are no variables.\n');
    else cell.display(textAndTable(rows));
    return Promise.resolve();
  },
};
