import { readFileSync } from 'node:fs';
import type { Magic } from './magic';

/** Runs a file as if it were the cell. */
export const runFile: Magic = {
  kind: 'line',
  name: 'run',
  takes: 'text',
  usage: '%run setup.ts',
  summary: 'Runs a file as if it were this cell, in which it must be alone: its variables stay.',

  run: () => Promise.reject(new SyntaxError('%run: expected to be alone in its cell, before the name of a file.')),
};

/** The file that a cell runs, and what is in it; undefined for any other cell. */
export function fileOf(cell: string): { path: string; text: string } | undefined {
  const path = /^\s*%run[ \t]+([^\n(][^\n]*?)[ \t;]*\s*$/.exec(cell)?.[1];
  return path === undefined ? undefined : { path, text: readFileSync(path, 'utf8') };
}
