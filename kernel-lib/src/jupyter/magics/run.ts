import { currentCell, type Cell, type PendingMagic } from '../session/cell';
import type { Magic } from './magic';
import { SIGILS } from './parse';
import { magics } from './registry';

/**
 * Defines the globals that compiled magics call. A line magic runs at once. A cell magic only says that it is there: its
 * call stands above the body, and it runs when the body has.
 */
export function defineMagics(target: object): void {
  for (const magic of magics) {
    const [root, ...path] = `${SIGILS[magic.kind].code}${magic.name}`.split('.');
    const call = (...args: unknown[]): unknown => begin(magic, args);
    let holder = target as Record<string, unknown>;
    let key = root!;
    for (const part of path) {
      if (!Object.hasOwn(holder, key)) define(holder, key, {});
      holder = holder[key] as Record<string, unknown>;
      key = part;
    }
    define(holder, key, call);
  }
}

/** Runs the magic of a cell whose body ended with the value `body`. */
export function runCellMagic(cell: Cell, { name, args }: PendingMagic, body: unknown): Promise<void> {
  const magic = magics.find((each) => each.kind === 'cell' && each.name === name)!;
  return magic.run({ cell, args, body });
}

function begin(magic: Magic, args: unknown[]): Promise<void> | undefined {
  const cell = currentCell.getStore();
  if (!cell) throw new Error(`${SIGILS[magic.kind].cell}${magic.name} runs only in a cell`);
  if (magic.kind === 'line') return magic.run({ cell, args, body: undefined });
  cell.pending = { name: magic.name, args };
  return undefined;
}

function define(holder: object, key: string, value: unknown): void {
  Object.defineProperty(holder, key, { value, configurable: true, enumerable: false });
}
