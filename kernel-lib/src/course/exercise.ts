import { formatNumber } from '../plots/numbers';
import { textTable } from '../plots/table';
import { checkAnswer, type Verdict } from './check-answer';
import type { Definition } from './definition';
import type { Translate } from './translate';

/** An answer that is wrong, with all that is known about it in the message. */
export class ExerciseError extends Error {
  override readonly name = 'ExerciseError';
}

/** One exercise of the course: `check` tries an answer on inputs that the notebook does not show, `hint` helps. */
export class Exercise<A, I extends readonly unknown[] = readonly unknown[], O = unknown> {
  private hintsGiven = 0;

  /** @internal use exercise() */
  constructor(
    readonly name: string,
    private readonly definition: Definition<A, I, O>,
    private readonly translate: Translate,
  ) {}

  /** What is asked, in one line. */
  get spec(): string {
    return this.translate(this.definition.spec);
  }

  /**
   * Tries an answer on the hidden inputs, and tells that it is right on all of them. An answer that is still as the notebook came gives a
   * warning.
   *
   * Rejects with an ExerciseError that says for which input, at which index, what was expected, what came, and, for mistakes that are
   * often made, which one it was.
   */
  async check(answer: A): Promise<void> {
    const verdict = await checkAnswer(this.definition, answer);
    if (verdict.kind === 'wrong') throw this.error(verdict);
    if (verdict.kind === 'right') {
      console.log(`✓ ${this.translate('%1: right on all %2 hidden inputs.', this.name, verdict.count)}`);
      return;
    }
    // On stderr: whoever grades a notebook must not take it for done.
    console.warn(this.translate('%1 is not done yet. Write it in the cell above; %2 helps.', this.name, this.call));
  }

  /** Tells the next of the hints; after the last one, the last again. */
  hint(): void {
    const { hints } = this.definition;
    const at = Math.min(this.hintsGiven++, hints.length - 1);
    console.log(`${this.translate('Hint %1 of %2', at + 1, hints.length)}: ${this.translate(hints[at])}`);
  }

  private get call(): string {
    return `flash.exercise('${this.name}').hint()`;
  }

  private error(verdict: Extract<Verdict<I>, { kind: 'wrong' }>): ExerciseError {
    const { right, count, first, hint } = verdict;
    const lines = [
      this.translate('%1: right on %2 of %3 hidden inputs.', this.name, right, count),
      this.translate('The first one that is wrong: %1.', first.case.label),
      ...this.differences(first.outcome),
      hint === null
        ? this.translate('More help: %1', this.call)
        : this.translate('Looks like this: %1', this.translate(hint)),
    ];
    const cause = first.outcome.kind === 'threw' ? first.outcome.error : undefined;
    return new ExerciseError(lines.join('\n'), cause === undefined ? undefined : { cause });
  }

  private differences(outcome: Extract<Verdict<I>, { kind: 'wrong' }>['first']['outcome']): string[] {
    if (outcome.kind === 'threw') return [this.translate('There it threw an error, see below.')];
    if (outcome.kind === 'shape') {
      const { output, expected, got } = outcome;
      const [name, wanted, came] = [output || 'result', expected, got].map((text) => this.translate(text));
      return [this.translate('Expected as %1: %2, got %3.', name, wanted, came)];
    }
    const header = ['output', 'index', 'expected', 'got', 'allowed difference'].map((word) => this.translate(word));
    const rows = outcome.first.map(({ output, index, expected, got, allowed }) => [
      output || this.translate('result'),
      index.map((i) => `[${i}]`).join(''),
      ...[expected, got, allowed].map((x) => (allowed === 0 ? String(x) : formatNumber(x, 7))),
    ]);
    return [
      this.translate('%1 of %2 numbers differ:', outcome.wrong, outcome.total),
      textTable({ header, rows, numeric: [2, 3, 4] }),
    ];
  }
}
