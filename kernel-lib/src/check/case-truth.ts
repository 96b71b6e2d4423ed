import {
  allowedError,
  keepRows,
  referenceBackward,
  referenceForward,
  sampleRows,
  yardstickBackward,
  yardstickForward,
} from '../reference';
import type { CheckCase } from './case-name';
import { caseInputs, type CaseInputs } from './case-inputs';

export const outputs = ['out', 'lse', 'dq', 'dk', 'dv'] as const;
export type Output = (typeof outputs)[number];

/** What one output must be: the float64 truth and how far from it is still right. */
export interface ExpectedOutput {
  readonly reference: Float64Array;
  readonly allowed: number;
}

/** A case with its inputs and what attention must make of them; 'bhnd' order throughout. */
export interface CaseTruth {
  readonly case: CheckCase;
  readonly inputs: CaseInputs;
  /** The query rows (indices in (B,H,Nq)) that out, lse and dq of `expected` hold; undefined for all of them. */
  readonly rows: number[] | undefined;
  readonly expected: Readonly<Record<Output, ExpectedOutput>>;
}

// Beyond this many products reference and yardstick take a second, and a sample of rows is compared; its dout is 0 elsewhere, so that
// dk and dv are still compared whole (reference/sample.ts).
const wholeUpTo = 2 ** 26;
const sampledRows = 96;

/** Draws the inputs of a case and computes reference, yardstick and allowed errors on the CPU. */
export async function caseTruth(c: CheckCase): Promise<CaseTruth> {
  const whole = c.B * c.H * c.Nq * c.Nk * (c.D + c.Dv) <= wholeUpTo;
  const rows = whole ? undefined : sampleRows(c, sampledRows, c.seed);
  const drawn = await caseInputs(c);
  const inputs = rows ? { ...drawn, dout: keepRows(c, drawn.dout, rows) } : drawn;
  const { q, k, v, dout } = inputs;
  const truth = { ...referenceForward(c, q, k, v, rows), ...referenceBackward(c, q, k, v, dout, rows) };
  const plain = { ...yardstickForward(c, q, k, v, rows), ...yardstickBackward(c, q, k, v, dout, rows) };
  const expect = (output: Output): ExpectedOutput => {
    const kind = output === 'out' || output === 'lse' ? 'forward' : 'gradient';
    const { maxAbsScore } = truth;
    return {
      reference: truth[output],
      allowed: allowedError({ reference: truth[output], yardstick: plain[output], kind, maxAbsScore, dtype: 'f32' }),
    };
  };
  const expected = { out: expect('out'), lse: expect('lse'), dq: expect('dq'), dk: expect('dk'), dv: expect('dv') };
  return { case: c, inputs, rows, expected };
}
