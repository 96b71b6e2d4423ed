import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { jupyterData } from '../../node/jupyter-data';

/** A cell that ran. */
export interface HistoryEntry {
  readonly session: number;
  readonly line: number;
  readonly input: string;
}

/** Where earlier sessions are kept: FLASH_HISTORY, a file or 'off', else in Jupyter's data folder. */
export function historyPath(env: NodeJS.ProcessEnv = process.env): string | undefined {
  const given = env.FLASH_HISTORY;
  if (given === 'off') return undefined;
  return given || path.join(jupyterData(env), 'flashlab', 'history.jsonl');
}

const isEntry = (value: unknown): value is HistoryEntry => {
  const { session, line, input } = (value ?? {}) as Partial<HistoryEntry>;
  return Number.isInteger(session) && Number.isInteger(line) && typeof input === 'string';
};

/**
 * The inputs of earlier sessions, a line of JSON each, which only their user may read. What cannot be read or written is left
 * out: a kernel must run without a home.
 */
export class HistoryFile {
  constructor(private readonly file: string | undefined) {}

  /** The latest `kept` entries; a file that has become much longer is cut to them. Comes before the first append. */
  read(kept: number): HistoryEntry[] {
    if (this.file === undefined) return [];
    try {
      mkdirSync(path.dirname(this.file), { recursive: true });
      const lines = readFileSync(this.file, 'utf8').split('\n').filter(Boolean);
      const latest = lines.slice(-kept);
      if (lines.length > 2 * kept)
        writeFileSync(this.file, latest.map((line) => `${line}\n`).join(''), { mode: 0o600 });
      return latest.flatMap((line) => {
        try {
          const entry: unknown = JSON.parse(line);
          return isEntry(entry) ? [entry] : [];
        } catch {
          return [];
        }
      });
    } catch {
      return [];
    }
  }

  append(entry: HistoryEntry): void {
    if (this.file === undefined) return;
    try {
      appendFileSync(this.file, `${JSON.stringify(entry)}\n`, { mode: 0o600 });
    } catch {
      // See above.
    }
  }
}
