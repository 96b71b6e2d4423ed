import type { Magic } from './magic';

/** Keeps what the cell puts out. */
export const capture: Magic = {
  kind: 'cell',
  name: 'capture',
  takes: 'name',
  usage: '%%capture output',
  summary: 'Shows nothing of the cell; the variable named behind it keeps what it puts out.',

  begin: ({ cell }) => cell.capture(),
  run: ({ body }) => Promise.resolve(body),
};
