import type { Problem } from '../api/problem';
import { exchangeAxes } from '../tensor/layout';
import { keepRows } from '../reference';
import { tensor, type Tensor } from '../tensor/tensor';
import type { CheckPlan } from './check-plan';
import { truthOf } from './check-truth';
import { compareWithOther, compareWithTruth, readBhnd, readOutputs, type HostOutputs } from './compare-outputs';
import type { Measurement, PairResult, RunInputs } from './measure';
import type { ReportError } from './report-data';

/**
 * Checks out, lse and all gradients of the first measurement against the float64 reference and against the second one, if
 * there is one. Where only a sample of rows is checked, the sums over all rows (dk, dv, dbias) come from one more backward
 * call with a dout that is 0 in all other rows.
 */
export async function checkOutputs(
  problem: Problem,
  plan: CheckPlan,
  inputs: RunInputs,
  measurements: readonly Measurement[],
  control: { signal?: AbortSignal; onProgress(fraction: number): void },
): Promise<ReportError[]> {
  const { B, H, Hk, Nq, Nk, D, Dv, layout } = problem;
  const [q, k, v, allDout, bias, mask] = [
    await readBhnd(problem, inputs.q, [B, H, Nq, D]),
    await readBhnd(problem, inputs.k, [B, Hk, Nk, D]),
    await readBhnd(problem, inputs.v, [B, Hk, Nk, Dv]),
    await readBhnd(problem, inputs.dout, [B, H, Nq, Dv]),
    await inputs.bias?.data(),
    await inputs.mask?.data(),
  ];
  const dout = plan.whole ? allDout : keepRows(problem, allDout, plan.rows);
  const sampled = plan.whole ? null : layout === 'bhnd' ? dout : exchangeAxes(dout, B, H, Nq, Dv);
  const outputs: HostOutputs[] = [];
  for (const { last } of measurements) {
    const other = sampled && tensor(sampled, inputs.dout.shape, { dtype: problem.dtype });
    outputs.push(await resultsOf(problem, last, other, control.signal));
  }
  const truth = await truthOf(problem, plan, { q, k, v, dout, bias, mask }, control);
  const [own, other] = outputs;
  const against = measurements[1]?.algorithm;
  return [
    ...compareWithTruth(problem, plan, own, truth),
    ...(other ? compareWithOther(problem, plan, own, other, against, truth) : []),
  ];
}

/** Results on the host; dk, dv and dbias from a call with `sampled` in place of dout, which is disposed of. */
async function resultsOf(
  problem: Problem,
  { forward, grads }: PairResult,
  sampled: Tensor | null,
  signal: AbortSignal | undefined,
): Promise<HostOutputs> {
  const { out, lse } = forward;
  const { dq, dk, dv, dbias } = grads;
  if (!sampled) return readOutputs(problem, { out, lse, dq, dk, dv, dbias });
  const more: Tensor[] = [sampled];
  try {
    const part = await forward.backward(sampled, { signal });
    more.push(part.dq, part.dk, part.dv);
    if (part.dbias) more.push(part.dbias);
    return await readOutputs(problem, { out, lse, dq, dk: part.dk, dv: part.dv, dbias: part.dbias });
  } finally {
    for (const item of more) item.dispose();
  }
}
