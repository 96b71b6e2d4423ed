import type { Problem } from '../api/problem';
import {
  allowedError,
  referenceBackward,
  referenceForward,
  yardstickBackward,
  yardstickForward,
  type BackwardReference,
  type ForwardReference,
} from '../reference';
import { groupProblem, type CheckPlan } from './check-plan';
import { OUTPUTS, type Output } from './report-data';

/** Arrays in 'bhnd' order. */
export interface HostInputs {
  readonly q: Float32Array;
  readonly k: Float32Array;
  readonly v: Float32Array;
  /** 0 outside the rows of the plan, so that dk and dv of these rows are all of dk and dv. */
  readonly dout: Float32Array;
}

/** What is right, for the rows and heads of a plan, end to end. */
export type Truth = Record<Output, { readonly reference: Float64Array; readonly allowed: number }>;

interface GroupTruth {
  readonly reference: ForwardReference & BackwardReference;
  readonly yardstick: ForwardReference & BackwardReference;
}

/**
 * Float64 reference and allowed errors of the rows of a plan. The work goes head by head, with a turn of the event loop
 * between its parts, so that an abort is heard within a second.
 */
export async function truthOf(
  problem: Problem,
  plan: CheckPlan,
  inputs: HostInputs,
  control: { signal?: AbortSignal; onProgress(fraction: number): void },
): Promise<Truth> {
  const group = groupProblem(problem);
  const { H, Nq, Nk, D, Dv } = group;
  const parts: GroupTruth[] = [];
  let done = 0;
  const turn = async <T>(work: () => T): Promise<T> => {
    await new Promise((resolve) => setTimeout(resolve));
    control.signal?.throwIfAborted();
    const result = work();
    control.onProgress(++done / (4 * plan.groups.length));
    return result;
  };
  for (const { b, hk, rows } of plan.groups) {
    const at = b * problem.Hk + hk;
    const slice = (x: Float32Array, size: number): Float32Array => x.subarray(at * size, (at + 1) * size);
    const [q, dout] = [slice(inputs.q, H * Nq * D), slice(inputs.dout, H * Nq * Dv)];
    const [k, v] = [slice(inputs.k, Nk * D), slice(inputs.v, Nk * Dv)];
    parts.push({
      reference: {
        ...(await turn(() => referenceForward(group, { q, k, v }, rows))),
        ...(await turn(() => referenceBackward(group, { q, k, v }, dout, rows))),
      },
      yardstick: {
        ...(await turn(() => yardstickForward(group, { q, k, v }, rows))),
        ...(await turn(() => yardstickBackward(group, { q, k, v }, dout, rows))),
      },
    });
  }
  const maxAbsScore = parts.reduce((max, { reference }) => Math.max(max, reference.maxAbsScore), 0);
  const entries = OUTPUTS.map((output) => {
    const reference = join(parts.map((part) => part.reference[output]));
    const yardstick = join(parts.map((part) => part.yardstick[output]));
    const kind = output === 'out' || output === 'lse' ? 'forward' : 'gradient';
    return [output, { reference, allowed: allowedError({ reference, yardstick, kind, maxAbsScore, dtype: 'f32' }) }];
  });
  return Object.fromEntries(entries) as Truth;
}

function join(arrays: readonly Float64Array[]): Float64Array {
  const joined = new Float64Array(arrays.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const array of arrays) {
    joined.set(array, at);
    at += array.length;
  }
  return joined;
}
