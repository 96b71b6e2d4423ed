import type { Problem } from '../api/problem';
import { coordinates, exchangeAxes } from '../tensor/layout';
import { compare, gatherRows } from '../reference';
import type { Tensor } from '../tensor/tensor';
import type { CheckPlan } from './check-plan';
import type { Truth } from './check-truth';
import { OUTPUTS, type Output, type ReportError } from './report-data';

/** The results of one algorithm in 'bhnd' order, on the host. */
export type HostOutputs = Record<Output, Float32Array>;

/** Shape of an output in 'bhnd' order. */
export function outputShape({ B, H, Hk, Nq, Nk, D, Dv }: Problem, output: Output): number[] {
  return { out: [B, H, Nq, Dv], lse: [B, H, Nq], dq: [B, H, Nq, D], dk: [B, Hk, Nk, D], dv: [B, Hk, Nk, Dv] }[output];
}

/** The numbers of a tensor of (B,heads,N,width) or (B,N,heads,width) in 'bhnd' order. */
export async function readBhnd(
  problem: Problem,
  tensor: Tensor,
  [B, heads, N, width]: readonly number[],
): Promise<Float32Array> {
  const data = await tensor.data();
  return problem.layout === 'bhnd' ? data : exchangeAxes(data, B, N, heads, width);
}

/** Reads results back; `dk` and `dv` may come from another backward call than `dq`. */
export async function readOutputs(problem: Problem, tensors: Record<Output, Tensor>): Promise<HostOutputs> {
  const outputs: Partial<HostOutputs> = {};
  for (const output of OUTPUTS) {
    const shape = outputShape(problem, output);
    // lse has no layout: it is (B,H,Nq) always.
    outputs[output] = output === 'lse' ? await tensors.lse.data() : await readBhnd(problem, tensors[output], shape);
  }
  return outputs as HostOutputs;
}

/** Compares with the float64 reference, over the rows of the plan. */
export function compareWithTruth(problem: Problem, plan: CheckPlan, actual: HostOutputs, truth: Truth): ReportError[] {
  return OUTPUTS.map((output) => {
    const { reference, allowed } = truth[output];
    const shape = outputShape(problem, output);
    const byRow = output === 'out' || output === 'lse' || output === 'dq';
    // Units that were chosen: rows of queries, or whole heads of keys.
    const units = byRow ? plan.rows : plan.groups.map(({ b, hk }) => b * problem.Hk + hk);
    const width = byRow ? (shape[3] ?? 1) : shape[2] * shape[3];
    const { error, ok, worst } = compare(gatherRows(actual[output], units, width), reference, allowed);
    const index = units[Math.floor(worst / width)] * width + (worst % width);
    const rows = { rowsChecked: plan.rows.length, rowsTotal: plan.rowsTotal };
    return { output, against: 'float64', error, allowed, ok, worstIndex: coordinates(index, shape), ...rows };
  });
}

/**
 * Compares with another algorithm on the GPU, entry by entry over everything. Each of the two may be off by the allowed
 * error, so twice of it is allowed between them; it grows with the size of the numbers, of which a sample may miss the largest.
 */
export function compareWithOther(
  problem: Problem,
  plan: CheckPlan,
  actual: HostOutputs,
  other: HostOutputs,
  against: string,
  truth: Truth,
): ReportError[] {
  return OUTPUTS.map((output) => {
    const { reference, allowed: once } = truth[output];
    const growth = Math.max(1, (1 + largest(other[output])) / (1 + largest(reference)));
    const { error, allowed, ok, worst } = compare(actual[output], other[output], 2 * once * growth);
    const worstIndex = coordinates(worst, outputShape(problem, output));
    const { rows, rowsTotal } = plan;
    // dk and dv come of a dout that is 0 outside the rows of the plan.
    const rowsChecked = output === 'dk' || output === 'dv' ? rows.length : rowsTotal;
    return { output, against, error, allowed, ok, worstIndex, rowsChecked, rowsTotal };
  });
}

function largest(values: ArrayLike<number>): number {
  let max = 0;
  for (let t = 0; t < values.length; t++) {
    const size = Math.abs(values[t]);
    if (size > max && size < Infinity) max = size;
  }
  return max;
}
