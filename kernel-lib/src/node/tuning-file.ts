import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Tuning, TuningStore } from '../device/tuning';
import { cacheFolder } from './swiftshader';

const file = (): string => path.join(cacheFolder(), 'tuning.json');

/** What the file holds; nothing where it is missing or was spoilt, for it can be measured again. */
function readAll(): Record<string, Tuning> {
  try {
    return (JSON.parse(readFileSync(file(), 'utf8')) ?? {}) as Record<string, Tuning>;
  } catch {
    return {};
  }
}

/** Tunings in a file of the user's cache folder. */
export const tuningFile: TuningStore = {
  read: (adapter) => readAll()[adapter] ?? {},
  write(adapter, tuning) {
    mkdirSync(cacheFolder(), { recursive: true, mode: 0o700 });
    // Another process may read meanwhile.
    const next = `${file()}.${process.pid}`;
    writeFileSync(next, `${JSON.stringify({ ...readAll(), [adapter]: tuning }, null, 2)}\n`);
    renameSync(next, file());
  },
};
