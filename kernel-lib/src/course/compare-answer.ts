import { allowedError, compare } from '../reference/tolerance';
import type { Definition } from './definition';
import { NotNumbers, numbersLike, type Output } from './numbers-like';

/** An entry that is wrong. */
export interface Difference {
  readonly output: string;
  readonly index: readonly number[];
  readonly expected: number;
  readonly got: number;
  readonly allowed: number;
}

/** How a result compares with the truth; `wrong` counts the entries of all outputs that are beyond what is allowed. */
export type Outcome =
  | { readonly kind: 'right' }
  | {
      readonly kind: 'different';
      readonly wrong: number;
      readonly total: number;
      readonly first: readonly Difference[];
    }
  | { readonly kind: 'shape'; readonly output: string; readonly expected: string; readonly got: string }
  | { readonly kind: 'threw'; readonly error: unknown };

const SHOWN = 3;

/** NaN is never right. */
const within = (got: number, expected: number, allowed: number): boolean => compare([got], [expected], allowed).ok;

/** For results of two mistakes, which may both be NaN. */
export const withinOrBothNaN: typeof within = (got, expected, allowed) =>
  Object.is(got, expected) || within(got, expected, allowed);

/** Compares what an answer gave for `input` with the truth. */
export async function compareAnswer<A, I extends readonly unknown[], O>(
  { expected, tolerance }: Pick<Definition<A, I, O>, 'expected' | 'tolerance'>,
  input: I,
  result: unknown,
  accepts = within,
): Promise<Outcome> {
  const right = expected(...structuredClone(input));
  const truth = await numbersLike(right, right);
  const got = await outputsOf(right, result);
  if ('kind' in got) return got;
  const maxAbsScore = tolerance === 'exact' ? 0 : (tolerance.maxAbsScore?.(...structuredClone(input)) ?? 0);
  let [wrong, total] = [0, 0];
  const first: Difference[] = [];
  for (const [n, part] of truth.entries()) {
    const own = got.outputs[n];
    const [wanted, came] = [part, own].map(shapeOf);
    if (wanted !== came) return { kind: 'shape', output: part.name, expected: wanted, got: came };
    const allowed = tolerance === 'exact' ? 0 : budget(part, maxAbsScore);
    total += part.data.length;
    for (let t = 0; t < part.data.length; t++) {
      const [expected, got] = [part.data[t], own.data[t]];
      if (accepts(got, expected, allowed)) continue;
      wrong++;
      if (first.length < SHOWN)
        first.push({ output: part.name, index: indexOf(t, part.shape), expected, got, allowed });
    }
  }
  return wrong === 0 ? { kind: 'right' } : { kind: 'different', wrong, total, first };
}

async function outputsOf(right: unknown, result: unknown): Promise<{ outputs: Output[] } | Outcome> {
  try {
    return { outputs: await numbersLike(right, result) };
  } catch (error) {
    if (!(error instanceof NotNumbers)) throw error;
    return { kind: 'shape', output: error.output, expected: 'numbers', got: error.got };
  }
}

/** A shape in words. */
const shapeOf = ({ shape }: Output): string => (shape.length === 0 ? 'a number' : `shape (${shape.join()})`);

/** The contract's, without a yardstick: answers are checked on inputs that a plain sum gets right. */
const budget = ({ data }: Output, maxAbsScore: number): number =>
  allowedError({ reference: data, yardstick: data, kind: 'forward', maxAbsScore, dtype: 'f32' });

/** The place of entry number `t`, axis by axis. */
function indexOf(t: number, shape: readonly number[]): number[] {
  const index: number[] = [];
  for (const size of [...shape].reverse()) {
    index.unshift(t % size);
    t = Math.floor(t / size);
  }
  return index;
}
