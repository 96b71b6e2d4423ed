// A step is done when its stamp, written only after it finished, holds the fingerprint of its inputs. An interrupted
// step leaves no stamp and so is done again.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** All files below `start` (a file or a folder, absent is empty), sorted, with build outputs left out. */
function filesBelow(start) {
  const stat = statSync(start, { throwIfNoEntry: false });
  if (!stat) return [];
  if (stat.isFile()) return [start];
  return readdirSync(start)
    .filter((name) => name !== 'node_modules' && name !== 'dist')
    .sort()
    .flatMap((name) => filesBelow(path.join(start, name)));
}

/** Hash of the names and contents of `inputs` (files or folders below `root`) and of the strings `also`. */
export function fingerprint(root, inputs, also = []) {
  const hash = createHash('sha256');
  for (const text of also) hash.update(`${text}\0`);
  for (const file of inputs.flatMap((input) => filesBelow(path.join(root, input)))) {
    hash
      .update(`${path.relative(root, file)}\0`)
      .update(readFileSync(file))
      .update('\0');
  }
  return hash.digest('hex');
}

const stampFile = (state, name) => path.join(state, `${name}.stamp`);

export function readStamp(state, name) {
  try {
    return readFileSync(stampFile(state, name), 'utf8');
  } catch {
    return null;
  }
}

export function removeStamp(state, name) {
  rmSync(stampFile(state, name), { force: true });
}

/** Appears whole or not at all, so that a stamp is never half written. */
export function writeStamp(state, name, value) {
  mkdirSync(state, { recursive: true });
  const file = stampFile(state, name);
  writeFileSync(`${file}.${process.pid}`, value);
  renameSync(`${file}.${process.pid}`, file);
}
