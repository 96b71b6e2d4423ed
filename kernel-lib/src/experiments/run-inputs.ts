import { shapeOf } from '../tensor/layout';
import { randn } from '../tensor/random';
import type { Tensor } from '../tensor/tensor';
import type { RunInputs } from './measure';
import type { AttentionInputs, ReportPlan, Sizes } from './report-options';

/** Seeds of q, k, v and dout lie this far apart, so that neighbouring seeds of reports share none of them. */
const SEED_STEP = 0x9e3779b1;

/** The seed of q (index 0), k (1), v (2) and dout (3). */
export const seedOf = (seed: number, index: number): number => (seed + index * SEED_STEP) % 2 ** 32;

/** Random q, k, v, or the given ones, and a random dout; `keep` is called with every tensor made here. */
export function makeInputs(
  plan: ReportPlan,
  { batch, heads, kvHeads, seq, seqK, dim, dimV }: Sizes,
  keep: (tensor: Tensor) => void,
  given: AttentionInputs | undefined,
): RunInputs {
  const layout = plan.options.layout ?? 'bhnd';
  const random = (index: number, rowHeads: number, N: number, width: number): Tensor => {
    const shape = shapeOf(layout, batch, rowHeads, N, width);
    const tensor = randn(shape, { seed: seedOf(plan.seed, index), dtype: plan.dtype });
    keep(tensor);
    return tensor;
  };
  return {
    q: given?.q ?? random(0, heads, seq, dim),
    k: given?.k ?? random(1, kvHeads, seqK, dim),
    v: given?.v ?? random(2, kvHeads, seqK, dimV),
    dout: random(3, heads, seq, dimV),
  };
}
