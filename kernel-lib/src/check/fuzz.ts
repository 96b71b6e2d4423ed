import type { Algorithm } from '../api/options';
import type { CheckCase } from './case';
import { caseName } from './case-name';
import { caseTruth } from './case-truth';
import { checkCase, type CheckRow } from './check-case';
import { randomCase, type RandomCaseLimits } from './random-case';
import { shrinkCase } from './shrink-case';

/** A random case that is wrong under one algorithm. */
export interface FuzzFailure {
  /** Of the random case. */
  readonly seed: number;
  readonly case: string;
  readonly algorithm: Algorithm;
  /** What is wrong: an error's message, or the output, where and by how much. */
  readonly reason: string;
}

/** A smaller case that fails too, and why. */
export interface FuzzShrunk {
  readonly case: string;
  readonly reason: string;
}

/** What was tried so far. */
export interface FuzzTally {
  cases: number;
  /** Outputs compared. */
  rows: number;
  /** The row nearest to its limit. */
  worst: CheckRow | null;
}

export const newTally = (): FuzzTally => ({ cases: 0, rows: 0, worst: null });

const ratio = ({ error, allowed }: CheckRow): number => (error === 0 ? 0 : error / allowed);

/** Runs the random case of a seed, forward and backward, under each algorithm; what failed, and the tally counted up. */
export async function fuzzCase(
  seed: number,
  algorithms: readonly Algorithm[],
  tally: FuzzTally,
  limits?: RandomCaseLimits,
): Promise<FuzzFailure[]> {
  const c = randomCase(seed, limits);
  const truth = caseTruth(c);
  const failures: FuzzFailure[] = [];
  for (const algorithm of algorithms) {
    const { reason, rows } = await outcome(() => checkCase(truth, algorithm));
    if (reason) failures.push({ seed, case: caseName(c), algorithm, reason });
    for (const row of rows) if (!tally.worst || ratio(row) > ratio(tally.worst)) tally.worst = row;
    tally.rows += rows.length;
  }
  tally.cases++;
  return failures;
}

/** The smallest case found that fails under the same algorithm. */
export async function shrinkFailure(
  { seed, algorithm, reason: first }: FuzzFailure,
  limits?: RandomCaseLimits,
): Promise<FuzzShrunk> {
  let last = first;
  const fails = async (c: CheckCase): Promise<boolean> => {
    const { reason } = await outcome(() => checkCase(c, algorithm));
    if (reason) last = reason;
    return reason !== null;
  };
  const shrunk = await shrinkCase(randomCase(seed, limits), fails);
  return { case: caseName(shrunk), reason: last };
}

/** Rows of a check, and why they fail; a call that rejects is a failure like a wrong number. */
async function outcome(run: () => Promise<CheckRow[]>): Promise<{ rows: CheckRow[]; reason: string | null }> {
  try {
    const rows = await run();
    const wrong = rows.filter((row) => !row.ok);
    return { rows, reason: wrong.length > 0 ? wrong.map(describeRow).join('; ') : null };
  } catch (error) {
    return { rows: [], reason: error instanceof Error ? `${error.name}: ${error.message}` : String(error) };
  }
}

function describeRow({ output, error, allowed, worst }: CheckRow): string {
  const where = worst ? ` at ${worst.at.join(',')}: ${worst.actual}, expected ${worst.expected}` : '';
  return `${output} off by ${error}, ${allowed} allowed${where}`;
}
