import type { Problem } from '../api/problem';
import {
  allowedError,
  referenceBackward,
  referenceForward,
  yardstickBackward,
  yardstickForward,
  type ReferenceInputs,
} from '../reference';
import type { CheckPlan } from './check-plan';
import { outputsOf, type Output } from './report-data';

/** Arrays in 'bhnd' order; bias and mask in their own shapes. */
export interface HostInputs extends ReferenceInputs {
  /** 0 outside the rows of the plan, so that dk, dv and dbias of these rows are all of dk, dv and dbias. */
  readonly dout: Float32Array;
}

/** What is right: out, lse and dq of the rows of a plan, end to end; dk, dv and dbias whole. */
export type Truth = Partial<Record<Output, { readonly reference: Float64Array; readonly allowed: number }>>;

/**
 * Float64 reference and allowed errors of the rows of a plan, with a turn of the event loop between its parts, so that an
 * abort is heard.
 */
export async function truthOf(
  problem: Problem,
  { rows }: CheckPlan,
  inputs: HostInputs,
  control: { signal?: AbortSignal; onProgress(fraction: number): void },
): Promise<Truth> {
  let done = 0;
  const turn = async <T>(work: () => T): Promise<T> => {
    await new Promise((resolve) => setTimeout(resolve));
    control.signal?.throwIfAborted();
    const result = work();
    control.onProgress(++done / 4);
    return result;
  };
  const { dout } = inputs;
  const truth = {
    ...(await turn(() => referenceForward(problem, inputs, rows))),
    ...(await turn(() => referenceBackward(problem, inputs, dout, rows))),
  };
  const yardsticks = {
    ...(await turn(() => yardstickForward(problem, inputs, rows))),
    ...(await turn(() => yardstickBackward(problem, inputs, dout, rows))),
  };
  const { maxAbsScore } = truth;
  const { dtype } = problem;
  const entries = outputsOf(problem).map((output) => {
    const [reference, yardstick] = [truth[output], yardsticks[output]];
    const kind = output === 'out' || output === 'lse' ? 'forward' : 'gradient';
    return [output, { reference, allowed: allowedError({ reference, yardstick, kind, maxAbsScore, dtype }) }];
  });
  return Object.fromEntries(entries) as Truth;
}
