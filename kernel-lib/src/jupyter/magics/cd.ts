import type { Magic } from './magic';

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
