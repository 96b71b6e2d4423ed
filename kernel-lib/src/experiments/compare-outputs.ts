import type { Problem } from '../api/problem';
import { coordinates, exchangeAxes } from '../tensor/layout';
import { compare, gatherRows } from '../reference';
import type { Tensor } from '../tensor/tensor';
import type { CheckPlan } from './check-plan';
import type { Truth } from './check-truth';
import { outputsOf, type Output, type ReportError } from './report-data';

/** The results of one algorithm in 'bhnd' order, on the host; dbias where there is a bias. */
export type HostOutputs = Partial<Record<Output, Float32Array>>;

/** Shape of an output in 'bhnd' order. */
export function outputShape(problem: Problem, output: Output): readonly number[] {
  const { B, H, Hk, Nq, Nk, D, Dv, bias } = problem;
  switch (output) {
    case 'out':
      return [B, H, Nq, Dv];
    case 'lse':
      return [B, H, Nq];
    case 'dq':
      return [B, H, Nq, D];
    case 'dk':
      return [B, Hk, Nk, D];
    case 'dv':
      return [B, Hk, Nk, Dv];
    case 'dbias':
      return bias!.shape;
  }
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

/** Reads results back; the sums over queries may come from another backward call than `dq`. */
export async function readOutputs(problem: Problem, tensors: Partial<Record<Output, Tensor>>): Promise<HostOutputs> {
  const outputs: HostOutputs = {};
  for (const output of outputsOf(problem)) {
    // lse and dbias have no layout.
    const own = output === 'lse' || output === 'dbias';
    const tensor = tensors[output]!;
    outputs[output] = own ? await tensor.data() : await readBhnd(problem, tensor, outputShape(problem, output));
  }
  return outputs;
}

/** Whether an output has a row for each query; the others are sums over queries. */
const isByRow = (output: Output): boolean => output === 'out' || output === 'lse' || output === 'dq';

/** Compares with the float64 reference: the rows of the plan, and sums over them. */
export function compareWithTruth(problem: Problem, plan: CheckPlan, actual: HostOutputs, truth: Truth): ReportError[] {
  return outputsOf(problem).map((output) => {
    const { reference, allowed } = truth[output]!;
    const shape = outputShape(problem, output);
    const width = shape[3] ?? 1;
    const rows = isByRow(output) ? plan.rows : null;
    const values = actual[output]!;
    const { error, ok, worst } = compare(rows ? gatherRows(values, rows, width) : values, reference, allowed);
    const index = rows ? rows[Math.floor(worst / width)] * width + (worst % width) : worst;
    const checked = { rowsChecked: plan.rows.length, rowsTotal: plan.rowsTotal };
    return { output, against: 'float64', error, allowed, ok, worstIndex: coordinates(index, shape), ...checked };
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
  return outputsOf(problem).map((output) => {
    const { reference, allowed: once } = truth[output]!;
    const growth = Math.max(1, (1 + largest(other[output]!)) / (1 + largest(reference)));
    const { error, allowed, ok, worst } = compare(actual[output]!, other[output]!, 2 * once * growth);
    const worstIndex = coordinates(worst, outputShape(problem, output));
    const { rows, rowsTotal } = plan;
    // Sums over queries come of a dout that is 0 outside the rows of the plan.
    const rowsChecked = isByRow(output) ? rowsTotal : rows.length;
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
