import { readFileSync, writeFileSync } from 'node:fs';
import { type Algorithm, bench, type BenchOptions, type BenchReport, type BenchRow, type BenchTotal } from '../index';
import { jsonLines, type CommandResult } from './print';
import { UsageError } from './usage';

type Values = Record<string, string | boolean | undefined>;

/** One line of --json: a row and all that it depends on. */
interface Line extends Omit<BenchRow, 'pass'> {
  readonly pass: (BenchRow | BenchTotal)['pass'];
  readonly adapter: string;
  readonly clock: string;
  readonly batch: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly dim: number;
  readonly dtype: string;
  readonly causal: boolean;
  /** With --compare: the earlier time, and that over the new one. */
  readonly beforeMs?: number;
  readonly speedup?: number;
}

/** What must agree for two lines to be about the same thing. */
const KEY = ['adapter', 'batch', 'heads', 'kvHeads', 'dim', 'dtype', 'causal', 'seq', 'pass', 'algorithm'] as const;
const keyOf = (line: Line): string => KEY.map((name) => String(line[name])).join();

/** `flashlab bench`: times of forward and backward, for every combination of head sizes, dtypes, key/value heads and masks. */
export async function benchCommand(values: Values): Promise<CommandResult> {
  const list = (name: string): string[] | undefined => (values[name] as string | undefined)?.split(',');
  const numbers = (name: string): (number | undefined)[] =>
    list(name)?.map((text) => numberOf(name, text)) ?? [undefined];
  const before = earlierLines(values.compare as string | undefined);
  const json = values.json === true;
  const figure = values.figure as string | undefined;
  const masks = (list('masks') ?? [values.causal === true ? 'causal' : 'full']).map(isCausal);
  const combinations = numbers('dim').flatMap((dim) =>
    numbers('kv-heads').flatMap((kvHeads) =>
      (list('dtype') ?? ['f32']).flatMap((dtype) => masks.map((causal) => ({ dim, kvHeads, dtype, causal }))),
    ),
  );
  if (figure !== undefined && combinations.length > 1)
    throw new UsageError('--figure shows one head size, dtype, number of key/value heads and mask; lists give more');
  const parts: string[] = [];
  let wrong = false;
  for (const { dim, kvHeads, dtype, causal } of combinations) {
    const options = {
      ...{ dim, kvHeads, dtype, causal },
      seqs: list('seqs')?.map((length) => numberOf('seqs', length)),
      algorithms: list('algorithms') as Algorithm[] | undefined,
      batch: numbers('batch')[0],
      heads: numbers('heads')[0],
    };
    const given = Object.entries(options).filter(([, value]) => value !== undefined);
    const report = await bench(Object.fromEntries(given) as BenchOptions);
    if (figure !== undefined) writeFileSync(figure, `${report.figure.svg}\n`);
    const lines = linesOf(report, dtype).map((line) => compared(line, before));
    wrong ||= lines.some(({ error }) => !(error <= 1));
    parts.push(json ? jsonLines(lines) : `${report.toString()}\n${before ? speedups(lines) : ''}\n`);
  }
  return { text: parts.join(''), code: wrong ? 1 : 0 };
}

function isCausal(mask: string): boolean {
  if (mask !== 'full' && mask !== 'causal') throw new UsageError(`--masks: expected full or causal, got ${mask}`);
  return mask === 'causal';
}

function linesOf(report: BenchReport, dtype: string): Line[] {
  const { device, clock, problem } = report;
  const { B: batch, H: heads, Hk: kvHeads, D: dim, band } = problem;
  const causal = band.right === 0;
  return report
    .all()
    .map((row) => ({ adapter: device.name, clock, batch, heads, kvHeads, dim, dtype, causal, ...row }));
}

/** The lines of an earlier run, by what they are about. */
function earlierLines(file: string | undefined): Map<string, Line> | null {
  if (file === undefined) return null;
  try {
    const lines = readFileSync(file, 'utf8')
      .split('\n')
      .filter((text) => text.trim() !== '')
      .map((text) => JSON.parse(text) as Line);
    return new Map(lines.map((line) => [keyOf(line), line]));
  } catch (error) {
    throw new UsageError(
      `--compare: expected a file that bench --json wrote, got ${file}: ${(error as Error).message}`,
    );
  }
}

function compared(line: Line, before: ReadonlyMap<string, Line> | null): Line {
  const beforeMs = before?.get(keyOf(line))?.ms;
  return beforeMs === undefined ? line : { ...line, beforeMs, speedup: beforeMs / line.ms };
}

const speedups = (lines: readonly Line[]): string =>
  lines
    .map(({ seq, pass, algorithm, beforeMs, speedup }) =>
      speedup === undefined
        ? `${seq} ${pass} ${algorithm}: not in the earlier run\n`
        : `${seq} ${pass} ${algorithm}: ${beforeMs!.toPrecision(3)} ms before, ${speedup.toFixed(2)} times as fast now\n`,
    )
    .join('');

function numberOf(name: string, text: string): number {
  if (!/^\d+$/.test(text)) throw new UsageError(`--${name}: expected a whole number, got ${text}`);
  return Number(text);
}
