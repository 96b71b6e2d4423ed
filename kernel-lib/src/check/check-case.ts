import type { Algorithm } from '../api/options';
import { device } from '../device/default-device';
import { compare, gatherRows } from '../reference';
import { coordinates } from '../tensor/layout';
import type { FloatDType } from '../tensor/dtype';
import type { CheckCase } from './case';
import { caseName } from './case-name';
import { outputShape } from './case-tensors';
import { caseTruth, outputsOf, type CaseTruth, type Output } from './case-truth';
import { runCase, type RunCaseOptions } from './run-case';

/** One output of one case under one algorithm. `npx flashlab check` prints these. */
export interface CheckRow {
  /** The case by its parameters; `check({ filter: name })` runs it again. */
  readonly case: string;
  /** Name of the adapter that computed it. */
  readonly adapter: string;
  readonly algorithm: Algorithm;
  /** That of q, k and v. */
  readonly dtype: FloatDType;
  readonly output: Output;
  /** Largest |output - float64 reference|; Infinity where the output is NaN or infinite. */
  readonly error: number;
  readonly allowed: number;
  readonly ok: boolean;
  /**
   * Where a failed output is most wrong: place in 'bhnd' order, or as the tensor lies for packed sequences and dbias; what came
   * and what was expected.
   */
  readonly worst?: { readonly at: readonly number[]; readonly actual: number; readonly expected: number };
}

/**
 * Runs attention forward and backward on the current device with the case's inputs, and compares every output with the
 * float64 reference; the allowed errors are those of the contract (see `allowedError`). Rejects where attention does.
 */
export async function checkCase(
  c: CheckCase | CaseTruth,
  algorithm: Algorithm,
  options: RunCaseOptions = {},
): Promise<CheckRow[]> {
  const truth = 'expected' in c ? c : caseTruth(c);
  const whole = await runCase(truth.case, truth.inputs, algorithm, options);
  const { dtype } = truth.case;
  const shared = { case: caseName(truth.case), adapter: (await device()).name, algorithm, dtype };
  return outputsOf(truth.case).map((output) => {
    const { reference, allowed } = truth.expected[output]!;
    const rows = rowsOf(output, truth);
    const shape = outputShape(truth.case, output);
    const width = output === 'lse' ? 1 : shape[shape.length - 1];
    const actual = rows ? gatherRows(whole[output]!, rows, width) : whole[output]!;
    const { error, ok, worst } = compare(actual, reference, allowed);
    const row = { ...shared, output, error, allowed, ok };
    if (ok) return row;
    const index = rows ? rows[Math.floor(worst / width)] * width + (worst % width) : worst;
    return { ...row, worst: { at: coordinates(index, shape), actual: actual[worst], expected: reference[worst] } };
  });
}

/** The rows of an output that the truth holds; null where it is compared whole. */
function rowsOf(output: Output, { rows }: CaseTruth): readonly number[] | null {
  if (output === 'lse') return rows && rows.lse;
  return output === 'out' || output === 'dq' ? rows && rows.out : null;
}
