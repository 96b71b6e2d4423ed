import type { Magic } from './magic';
import { SIGILS } from './parse';
import { magics } from './registry';
import { textAndTable } from './table';

/** Lists the magics. */
export const lsmagic: Magic = {
  kind: 'line',
  name: 'lsmagic',
  usage: '%lsmagic',
  summary: 'Lists the magics.',

  run({ cell }) {
    cell.display(
      textAndTable(
        magics.map((magic) => [
          magic.usage,
          `${SIGILS[magic.kind].cell === '%%' ? 'Takes the cell. ' : ''}${magic.summary}`,
        ]),
      ),
    );
    return Promise.resolve();
  },
};
