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
 * Checks out, lse, dq, dk and dv of the first measurement against the float64 reference and against the second one, if
 * there is one. Where only a sample of rows is checked, dk and dv, which sum over all rows, come from one more backward
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
  const [q, k, v, allDout] = [
    await readBhnd(problem, inputs.q, [B, H, Nq, D]),
    await readBhnd(problem, inputs.k, [B, Hk, Nk, D]),
    await readBhnd(problem, inputs.v, [B, Hk, Nk, Dv]),
    await readBhnd(problem, inputs.dout, [B, H, Nq, Dv]),
  ];
  const dout = plan.whole ? allDout : keepRows(problem, allDout, plan.rows);
  const sampled = plan.whole ? null : layout === 'bhnd' ? dout : exchangeAxes(dout, B, H, Nq, Dv);
  const outputs: HostOutputs[] = [];
  for (const { last } of measurements) {
    outputs.push(await resultsOf(problem, last, sampled && tensor(sampled, inputs.dout.shape), control.signal));
  }
  const truth = await truthOf(problem, plan, { q, k, v, dout }, control);
  const [own, other] = outputs;
  const against = measurements[1]?.algorithm;
  return [
    ...compareWithTruth(problem, plan, own, truth),
    ...(other ? compareWithOther(problem, plan, own, other, against, truth) : []),
  ];
}

/** Results on the host; dk and dv from a call with `sampled` in place of dout, which is disposed of. */
async function resultsOf(
  problem: Problem,
  { forward, grads }: PairResult,
  sampled: Tensor | null,
  signal: AbortSignal | undefined,
): Promise<HostOutputs> {
  const { out, lse } = forward;
  const { dq, dk, dv } = grads;
  if (!sampled) return readOutputs(problem, { out, lse, dq, dk, dv });
  const more: Tensor[] = [sampled];
  try {
    const part = await forward.backward(sampled, { signal });
    more.push(part.dq, part.dk, part.dv);
    return await readOutputs(problem, { out, lse, dq, dk: part.dk, dv: part.dv });
  } finally {
    for (const item of more) item.dispose();
  }
}
