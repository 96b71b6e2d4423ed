import type { Case } from './draw';

/** Something that readers often get wrong, and what to tell who did. */
export interface Mistake<A> {
  /** An answer with this mistake. */
  readonly answer: A;
  readonly hint: string;
}

/**
 * An exercise: what is asked, the truth, and the mistakes that are known. `A` is what the reader writes, a function or WGSL; `I` what it
 * is tried on; `O` what has to come out: numbers, nested lists of them, or objects of these.
 */
export interface Definition<A, I extends readonly unknown[], O> {
  /** What is asked, in one line. */
  readonly spec: string;
  /** Help in steps, the least telling first. */
  readonly hints: readonly string[];
  /** Hidden inputs, twenty or more, always the same. */
  readonly cases: readonly Case<I>[];
  /** The right result, in float64. */
  readonly expected: (...input: I) => O;
  /** Applies an answer to an input, which the answer may change. */
  readonly run: (answer: A, ...input: I) => unknown;
  /** Whether an answer that is wrong is still the stub of the notebook. */
  readonly untouched: (answer: A) => boolean;
  /** How far off a result may be; see {@link Tolerance}. */
  readonly tolerance: Tolerance<I>;
  readonly mistakes: readonly Mistake<A>[];
}

/** 'exact' for counts; else the contract's budget, (2e-6 + 2^-22 * max|s|) * (1 + max|expected|), for every named output by itself. */
export type Tolerance<I extends readonly unknown[]> =
  | 'exact'
  | {
      /** The largest |s| of the scores, for inputs where it matters. */
      readonly maxAbsScore?: (...input: I) => number;
    };

type Parts<A, I extends readonly unknown[], O> = Pick<
  Definition<A, I, O>,
  'spec' | 'hints' | 'cases' | 'expected' | 'mistakes'
> & { tolerance?: Tolerance<I> };

/** What stubs of functions throw. */
export const NOT_DONE = 'not done yet';

/** What stubs of WGSL have in the place of what is missing. */
const TODO = 'TODO';

/** An exercise whose answer is a function from the input to the result. */
export function functionExercise<I extends readonly unknown[], O>(
  parts: Parts<(...input: I) => O | Promise<O>, I, O>,
): Definition<(...input: I) => O | Promise<O>, I, O> {
  return { tolerance: {}, ...parts, run: (answer, ...input) => answer(...input), untouched: () => false };
}

/** An exercise whose answer is WGSL, which `run` runs. */
export function wgslExercise<I extends readonly unknown[], O>(
  parts: Parts<string, I, O> & Pick<Definition<string, I, O>, 'run'>,
): Definition<string, I, O> {
  return { tolerance: {}, ...parts, untouched: (code) => String(code).includes(TODO) };
}

/** A definition whose types nobody asks for. */
export type AnyDefinition = Definition<unknown, readonly unknown[], unknown>;
