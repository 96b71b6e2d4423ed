import {
  allowedError,
  keepRows,
  referenceBackward,
  referenceForward,
  sampleRows,
  storedRows,
  yardstickBackward,
  yardstickForward,
} from '../reference';
import { caseProblem, type CheckCase } from './case';
import { caseInputs, type CaseInputs } from './case-inputs';

export type Output = 'out' | 'lse' | 'dq' | 'dk' | 'dv' | 'dbias';

/** What a call of the case gives. */
export const outputsOf = ({ bias }: Pick<CheckCase, 'bias'>): readonly Output[] =>
  bias ? ['out', 'lse', 'dq', 'dk', 'dv', 'dbias'] : ['out', 'lse', 'dq', 'dk', 'dv'];

/** What one output must be: the float64 truth and how far from it is still right. */
export interface ExpectedOutput {
  readonly reference: Float64Array;
  readonly allowed: number;
}

/** Where the chosen query rows lie. */
export interface ChosenRows {
  /** Indices in lse, ascending. */
  readonly lse: readonly number[];
  /** The same rows among those of out and dq, in the reference's order. */
  readonly out: readonly number[];
}

/** A case with its inputs and what attention must make of them, in the reference's order. */
export interface CaseTruth {
  readonly case: CheckCase;
  readonly inputs: CaseInputs;
  /** The query rows that out, lse and dq of `expected` hold; null for all of them. */
  readonly rows: ChosenRows | null;
  readonly expected: Readonly<Partial<Record<Output, ExpectedOutput>>>;
}

// Beyond this many products reference and yardstick take a second, and a sample of rows is compared; its dout is 0 elsewhere, so that
// dk, dv and dbias are still compared whole (reference/sample.ts).
const wholeUpTo = 2 ** 26;
const sampledRows = 96;

/** Draws the inputs of a case and computes reference, yardstick and allowed errors on the CPU. */
export function caseTruth(c: CheckCase): CaseTruth {
  const problem = caseProblem(c);
  const whole = c.B * c.H * c.Nq * c.Nk * (c.D + c.Dv) <= wholeUpTo;
  const chosen = whole ? undefined : sampleRows(problem, sampledRows, c.seed);
  const drawn = caseInputs(c);
  const inputs = chosen ? { ...drawn, dout: keepRows(problem, drawn.dout, chosen) } : drawn;
  const { dout } = inputs;
  const truth = { ...referenceForward(problem, inputs, chosen), ...referenceBackward(problem, inputs, dout, chosen) };
  const plain = { ...yardstickForward(problem, inputs, chosen), ...yardstickBackward(problem, inputs, dout, chosen) };
  const expect = (output: Output): ExpectedOutput => {
    const kind = output === 'out' || output === 'lse' ? 'forward' : 'gradient';
    const [reference, yardstick] = [truth[output], plain[output]];
    const { maxAbsScore } = truth;
    return { reference, allowed: allowedError({ reference, yardstick, kind, maxAbsScore, dtype: c.dtype }) };
  };
  return {
    case: c,
    inputs,
    rows: chosen ? { lse: chosen, out: storedRows(problem, chosen) } : null,
    expected: Object.fromEntries(outputsOf(c).map((output) => [output, expect(output)])),
  };
}
