import { currentCell, type Cell, type PendingMagic } from '../session/cell';
import type { Notebook } from '../session/notebook';
import type { Magic } from './magic';
import { type MagicKind, SIGILS } from './parse';
import { magics } from './registry';
import { USER_PREFIX } from './user-prefix';

/**
 * Defines the globals that compiled magics call. A line magic runs at once. A cell magic only says that it is there: its
 * call stands above the body, and it runs when the body has.
 */
export function defineMagics(target: object, notebook: Notebook): void {
  for (const magic of magics) {
    const [root, ...path] = `${SIGILS[magic.kind].code}${magic.name}`.split('.');
    let holder = target as Record<string, unknown>;
    let key = root!;
    for (const part of path) {
      if (!Object.hasOwn(holder, key)) define(holder, key, {});
      holder = holder[key] as Record<string, unknown>;
      key = part;
    }
    define(holder, key, (...args: unknown[]) => begin(magic, args, notebook));
  }
  for (const kind of ['line', 'cell'] as const) {
    const users = new Proxy(
      {},
      {
        get:
          (_, name) =>
          (...args: unknown[]) =>
            begin(find(kind, String(name)), args, notebook),
      },
    );
    define(target, SIGILS[kind].code + USER_PREFIX.slice(0, -1), users);
  }
}

/** Runs the magic of a cell whose body ended with the value `body`, or is that text. */
export function runCellMagic(
  cell: Cell,
  { name, args }: PendingMagic,
  body: unknown,
  notebook: Notebook,
): Promise<unknown> {
  return find('cell', name).run({ cell, args, body, notebook });
}

const find = (kind: MagicKind, name: string): Magic =>
  magics.find((magic) => magic.kind === kind && magic.name === name)!;

function begin(magic: Magic, args: unknown[], notebook: Notebook): unknown {
  const cell = currentCell.getStore();
  if (!cell) throw new Error(`${SIGILS[magic.kind].cell}${magic.name} runs only in a cell`);
  const call = { cell, args, body: undefined, notebook };
  if (magic.kind === 'line') return magic.run(call);
  cell.pending = { name: magic.name, args };
  return magic.begin?.(call);
}

function define(holder: object, key: string, value: unknown): void {
  Object.defineProperty(holder, key, { value, configurable: true, enumerable: false });
}
