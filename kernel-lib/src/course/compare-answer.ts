import { allowedError, compare } from '../reference/tolerance';
import type { Definition } from './definition';
import { NotNumbers, numbersOf, type Output } from './numbers-of';

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
  right = within,
): Promise<Outcome> {
  const truth = await numbersOf(expected(...structuredClone(input)));
  const got = await outputsOf(result);
  if ('kind' in got) return got;
  const yardstick =
    tolerance !== 'exact' && tolerance.yardstick
      ? await numbersOf(tolerance.yardstick(...structuredClone(input)))
      : truth;
  let [wrong, total] = [0, 0];
  const first: Difference[] = [];
  for (const [n, part] of truth.entries()) {
    const own = got.outputs.find(({ name }) => name === part.name);
    const misshapen = shapeOutcome(part, own);
    if (misshapen) return misshapen;
    const allowed = tolerance === 'exact' ? 0 : budget(part, yardstick[n], tolerance, input);
    total += part.data.length;
    for (let t = 0; t < part.data.length; t++) {
      const [expected, got] = [part.data[t], own!.data[t]];
      if (right(got, expected, allowed)) continue;
      wrong++;
      if (first.length < SHOWN)
        first.push({ output: part.name, index: indexOf(t, part.shape), expected, got, allowed });
    }
  }
  return wrong === 0 ? { kind: 'right' } : { kind: 'different', wrong, total, first };
}

async function outputsOf(result: unknown): Promise<{ outputs: Output[] } | Outcome> {
  try {
    return { outputs: await numbersOf(result) };
  } catch (error) {
    if (!(error instanceof NotNumbers)) throw error;
    return { kind: 'shape', output: '', expected: 'numbers', got: error.message };
  }
}

function shapeOutcome(truth: Output, own: Output | undefined): Outcome | null {
  const shape = (output: Output): string => (output.shape.length === 0 ? 'a number' : output.shape.join(' x '));
  if (own && String(own.shape) === String(truth.shape)) return null;
  return { kind: 'shape', output: truth.name, expected: shape(truth), got: own ? shape(own) : 'undefined' };
}

function budget<I extends readonly unknown[], O>(
  truth: Output,
  yardstick: Output,
  { maxAbsScore, kind = 'forward' }: Exclude<Definition<unknown, I, O>['tolerance'], 'exact'>,
  input: I,
): number {
  const scores = maxAbsScore ? maxAbsScore(...structuredClone(input)) : 0;
  return allowedError({ reference: truth.data, yardstick: yardstick.data, kind, maxAbsScore: scores, dtype: 'f32' });
}

/** The place of entry number `t`, axis by axis. */
function indexOf(t: number, shape: readonly number[]): number[] {
  const index: number[] = [];
  for (const size of [...shape].reverse()) {
    index.unshift(t % size);
    t = Math.floor(t / size);
  }
  return index;
}
