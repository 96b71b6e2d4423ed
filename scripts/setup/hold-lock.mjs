// Two set-ups at once would delete each other's files.
import { mkdirSync, openSync, readFileSync, rmSync, writeSync, closeSync } from 'node:fs';
import path from 'node:path';
import { Problem } from './problem.mjs';

function alive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** Takes the lock of this checkout, also from a process that died with it; returns the function that gives it back. */
export function holdLock(state) {
  const file = path.join(state, 'lock');
  mkdirSync(state, { recursive: true });
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      const handle = openSync(file, 'wx');
      writeSync(handle, String(process.pid));
      closeSync(handle);
      return () => rmSync(file, { force: true });
    } catch (error) {
      if (error.code !== 'EEXIST') {
        throw new Problem(`${state} cannot be written (${error.code}). Check who owns this folder.`);
      }
      const owner = Number(readFileSync(file, 'utf8'));
      if (owner > 0 && owner !== process.pid && alive(owner)) break;
      rmSync(file, { force: true });
    }
  }
  throw new Problem(`Another set-up of this folder is running. Wait for it; if there is none, delete ${file}.`);
}
