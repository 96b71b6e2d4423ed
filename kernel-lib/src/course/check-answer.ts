import { compareAnswer, withinOrBothNaN, type Outcome } from './compare-answer';
import { NOT_DONE, type Definition } from './definition';
import type { Case } from './draw';

/** What an answer made of one hidden input. */
export interface Try<I extends readonly unknown[], K extends Outcome = Outcome> {
  readonly case: Case<I>;
  readonly outcome: K;
  /** What the answer gave; undefined where it threw. */
  readonly result?: unknown;
}

/** One for which it is wrong. */
export type Failure<I extends readonly unknown[]> = Try<I, Exclude<Outcome, { kind: 'right' }>>;

/** What the hidden inputs say about an answer. */
export type Verdict<I extends readonly unknown[]> =
  | { readonly kind: 'not done' }
  | { readonly kind: 'right'; readonly count: number }
  | {
      readonly kind: 'wrong';
      readonly right: number;
      readonly count: number;
      readonly first: Failure<I>;
      /** What is known about answers that are wrong in just this way. */
      readonly hint: string | null;
    };

/** Tries an answer on all hidden inputs. An error of the answer is a wrong result; an aborted one is none, and is thrown. */
export async function checkAnswer<A, I extends readonly unknown[], O>(
  definition: Definition<A, I, O>,
  answer: A,
): Promise<Verdict<I>> {
  const tries: Try<I>[] = [];
  for (const each of definition.cases) {
    const made = await tryOn(definition, answer, each);
    if (made.outcome.kind === 'threw' && isStub(made.outcome.error)) return { kind: 'not done' };
    tries.push(made);
  }
  const count = tries.length;
  const failures = tries.filter((each): each is Failure<I> => each.outcome.kind !== 'right');
  if (failures.length === 0) return { kind: 'right', count };
  // Only now: a comment of the stub may have stayed in a right answer.
  if (definition.untouched(answer)) return { kind: 'not done' };
  // Wrong results first: most mistakes are ruled out by one of them.
  const hint = await knownMistake(definition, [
    ...failures,
    ...tries.filter(({ outcome }) => outcome.kind === 'right'),
  ]);
  return { kind: 'wrong', right: count - failures.length, count, first: failures[0], hint };
}

async function tryOn<A, I extends readonly unknown[], O>(
  definition: Definition<A, I, O>,
  answer: A,
  each: Case<I>,
): Promise<Try<I>> {
  try {
    // The answer may write into what it is given.
    const result = await definition.run(answer, ...structuredClone(each.input));
    return { case: each, outcome: await compareAnswer(definition, each.input, result), result };
  } catch (error) {
    if (isAbort(error)) throw error;
    return { case: each, outcome: { kind: 'threw', error } };
  }
}

/** The hint for the mistake that gives what the answer gave, for every input. */
async function knownMistake<A, I extends readonly unknown[], O>(
  definition: Definition<A, I, O>,
  tries: readonly Try<I>[],
): Promise<string | null> {
  for (const { answer, hint } of definition.mistakes) {
    if (await gives(definition, answer, tries)) return hint;
  }
  return null;
}

async function gives<A, I extends readonly unknown[], O>(
  definition: Definition<A, I, O>,
  mistaken: A,
  tries: readonly Try<I>[],
): Promise<boolean> {
  for (const own of tries) {
    const other = await tryOn(definition, mistaken, own.case);
    if (own.outcome.kind !== other.outcome.kind) return false;
    if (own.outcome.kind === 'shape' && other.outcome.kind === 'shape' && own.outcome.got !== other.outcome.got)
      return false;
    if (own.outcome.kind !== 'different') continue;
    // As if the mistaken result were the truth.
    const stand = { expected: () => other.result as O, tolerance: definition.tolerance };
    const { kind } = await compareAnswer(stand, own.case.input, own.result, withinOrBothNaN);
    if (kind !== 'right') return false;
  }
  return true;
}

const isStub = (error: unknown): boolean => error instanceof Error && error.message === NOT_DONE;

const isAbort = (error: unknown): boolean =>
  error instanceof Error && (error.name === 'AbortError' || error.name === 'Interrupted');
