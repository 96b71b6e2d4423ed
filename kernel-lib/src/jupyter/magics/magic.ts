import type { Cell } from '../session/cell';
import type { Notebook } from '../session/notebook';
import type { MagicName } from './parse';

/** What a magic is run with. */
export interface MagicCall {
  /** The cell it stands in: its output goes there, and its `signal` says when to stop. */
  cell: Cell;
  /** The values of the argument, checked by TypeScript against the declaration in globals.ts. */
  args: unknown[];
  /** Value of the rest of the cell, or its text; undefined where there is none, and for a magic on a line. */
  body: unknown;
  notebook: Notebook;
}

/** A magic, registered in registry.ts; what TypeScript knows of it stands in globals.ts under the same name. */
export interface Magic extends MagicName {
  /** How it is called, as %lsmagic shows it. */
  readonly usage: string;
  /** One sentence. */
  readonly summary: string;
  /** Of a magic that takes a cell: runs before the body; what it returns is the value of the call. */
  begin?(call: MagicCall): unknown;
  /** Runs in its place, or after the body; the cell shows what it returns. */
  run(call: MagicCall): Promise<unknown>;
}
