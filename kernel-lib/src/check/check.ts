import { checkNames } from '../api/checks';
import { describe } from '../api/describe';
import { FlashError } from '../api/errors';
import type { Algorithm } from '../api/options';
import { device } from '../device/default-device';
import type { CheckCase } from './case';
import { caseName, isCaseName, parseCase } from './case-name';
import { caseTruth } from './case-truth';
import { checkCases } from './cases';
import { checkCase, type CheckRow } from './check-case';
import { CheckReport } from './check-report';

export interface CheckOptions {
  /** Only cases whose name contains this text, such as 'causal' or 'D64_'. A whole case name runs that case, in the table or not. */
  filter?: string;
  /** More lengths, head sizes, crossings of features and long sequences; takes minutes on a software adapter. Default false. */
  full?: boolean;
  /** Replaces the seed of every case: other random numbers. An integer from 0 to 2^32 - 1. */
  seed?: number;
  /**
   * Default flash2, flash1 and naive; flash1 only where D is at most 16 unless `full` or a whole case name asks for more, to
   * spare software adapters its compiling.
   */
  algorithms?: readonly Algorithm[];
  signal?: AbortSignal;
  /** Called with the part done, 0 to 1. */
  onProgress?(fraction: number): void;
  /** Called with each row as soon as it is there. */
  onRow?(row: CheckRow): void;
}

const knownAlgorithms: readonly string[] = ['flash2', 'flash1', 'naive', 'reference'] satisfies Algorithm[];

/**
 * Runs attention, forward and backward, over a table of calls on the current device and compares every output with the
 * float64 reference on the CPU. The report's rows are {case, adapter, algorithm, dtype, output, error, allowed, ok}; `ok` of
 * the report says that all rows are. A result that is wrong is a row with ok false; a call that fails rejects.
 *
 * Rejects with a FlashError (INVALID_ARGUMENT) for bad options, and with the signal's reason where aborted.
 */
export async function check(options: CheckOptions = {}): Promise<CheckReport> {
  const cases = chosenCases(options);
  checkNames(options, ['filter', 'full', 'seed', 'algorithms', 'signal', 'onProgress', 'onRow']);
  const algorithms = chosenAlgorithms(options);
  const { signal, onProgress, onRow } = options;
  const start = Date.now();
  const rows: CheckRow[] = [];
  for (const [done, c] of cases.entries()) {
    signal?.throwIfAborted();
    const truth = caseTruth(c);
    for (const algorithm of algorithms(c)) {
      const made = await checkCase(truth, algorithm, { signal });
      rows.push(...made);
      made.forEach((row) => onRow?.(row));
    }
    onProgress?.((done + 1) / cases.length);
    // Notebook messages and timers get a turn even where no call of this case waited for the GPU.
    await new Promise((resolve) => setTimeout(resolve));
  }
  const { name } = await device();
  return new CheckReport(rows, name, (Date.now() - start) / 1000);
}

/** Which algorithms run a case. */
function chosenAlgorithms({ algorithms, filter, full }: CheckOptions): (c: CheckCase) => readonly Algorithm[] {
  if (algorithms === undefined) {
    const all = full === true || isCaseName(filter ?? '');
    return ({ D }) => (all || D <= 16 ? ['flash2', 'flash1', 'naive'] : ['flash2', 'naive']);
  }
  const bad = Array.isArray(algorithms) && algorithms.find((algorithm) => !knownAlgorithms.includes(algorithm));
  if (!Array.isArray(algorithms) || algorithms.length === 0 || bad !== undefined) {
    throw invalid('algorithms', `a list of ${knownAlgorithms.join(', ')}`, algorithms);
  }
  return () => algorithms;
}

function chosenCases({ filter = '', full = false, seed }: CheckOptions): CheckCase[] {
  if (typeof filter !== 'string') throw invalid('filter', 'a part of a case name', filter);
  if (typeof full !== 'boolean') throw invalid('full', 'true or false', full);
  if (seed !== undefined && !(Number.isInteger(seed) && seed >= 0 && seed < 2 ** 32)) {
    throw invalid('seed', 'an integer from 0 to 2^32 - 1', seed);
  }
  const cases = isCaseName(filter) ? [parseCase(filter)] : checkCases(full).filter((c) => caseName(c).includes(filter));
  if (cases.length === 0) throw invalid('filter', 'a part of a case name, such as causal or D64_', filter);
  return seed === undefined ? cases : cases.map((c) => ({ ...c, seed }));
}

function invalid(argument: string, expected: string, given: unknown): FlashError {
  return new FlashError('INVALID_ARGUMENT', `check: ${argument}: expected ${expected}, got ${describe(given)}`);
}
