import { type Algorithm, check, type CheckRow } from '../index';
import { jsonLines, type CommandResult } from './print';
import { UsageError } from './usage';

export interface CheckCommandOptions {
  json?: boolean;
  full?: boolean;
  seed?: string;
  /** Separated by commas. */
  algorithms?: string;
}

/** `flashlab check`: exit code 1 where a result is beyond its allowed error. Without filters, the whole table. */
export async function checkCommand(options: CheckCommandOptions, filters: readonly string[]): Promise<CommandResult> {
  const { json = false, full = false } = options;
  const chosen = {
    ...(options.seed === undefined ? {} : { seed: seedOf(options.seed) }),
    ...(options.algorithms === undefined ? {} : { algorithms: options.algorithms.split(',') as Algorithm[] }),
  };
  // A whole table takes its time: with --json each row is printed when it is there.
  const onRow = json ? (row: CheckRow): void => void process.stdout.write(jsonLines([contractRow(row)])) : undefined;
  const reports = [];
  for (const filter of filters.length > 0 ? filters : ['']) {
    reports.push(await check({ filter, full, ...chosen, onProgress: showProgress, onRow }));
  }
  const text = json ? '' : reports.map((report) => `${report.toString()}\n`).join('\n');
  return { text, code: reports.every((report) => report.ok) ? 0 : 1 };
}

/** A person who waits sees how far it is; files and pipes do not want to know. */
function showProgress(fraction: number): void {
  if (!process.stderr.isTTY) return;
  process.stderr.write(fraction < 1 ? `\rchecking: ${Math.floor(100 * fraction)} %` : '\r\x1b[K');
}

function contractRow({ case: name, adapter, algorithm, dtype, output, error, allowed, ok }: CheckRow): object {
  return { case: name, adapter, algorithm, dtype, output, error, allowed, ok };
}

function seedOf(text: string): number {
  if (!/^\d+$/.test(text)) throw new UsageError(`--seed: expected a whole number, got ${text}`);
  return Number(text);
}
