import { shapeOf } from '../tensor/layout';
import { randn } from '../tensor/random';
import { tensor, type Tensor } from '../tensor/tensor';
import type { RunInputs } from './measure';
import type { ReportPlan, Sizes } from './report-options';

/** Seeds of q, k, v and dout lie this far apart, so that neighbouring seeds of reports share none of them. */
const SEED_STEP = 0x9e3779b1;

/** The seed of q (index 0), k (1), v (2) and dout (3). */
export const seedOf = (seed: number, index: number): number => (seed + index * SEED_STEP) % 2 ** 32;

/**
 * Random q, k, v, or at the full length the given ones, a random dout, and what of bias and mask belongs to these lengths;
 * `keep` is called with every tensor made here.
 */
export async function makeInputs(plan: ReportPlan, sizes: Sizes, keep: (tensor: Tensor) => void): Promise<RunInputs> {
  const { batch, heads, kvHeads, seq, seqK, dim, dimV } = sizes;
  const layout = plan.options.layout ?? 'bhnd';
  const given = sizes === plan.sizes ? plan.inputs : undefined;
  const random = (index: number, rowHeads: number, N: number, width: number): Tensor => {
    const shape = shapeOf(layout, batch, rowHeads, N, width);
    const made = randn(shape, { seed: seedOf(plan.seed, index), dtype: plan.dtype });
    keep(made);
    return made;
  };
  const operand = async (full: Tensor | undefined): Promise<Tensor | undefined> => {
    if (!full || sizes === plan.sizes) return full;
    const part = await topLeft(full, seq, seqK);
    keep(part);
    return part;
  };
  return {
    q: given?.q ?? random(0, heads, seq, dim),
    k: given?.k ?? random(1, kvHeads, seqK, dim),
    v: given?.v ?? random(2, kvHeads, seqK, dimV),
    dout: random(3, heads, seq, dimV),
    bias: await operand(plan.operands.bias),
    mask: await operand(plan.operands.mask),
  };
}

/** The part of a bias or mask over scores that shorter sequences use: its first rows and columns, where it has more than one. */
async function topLeft(full: Tensor, seq: number, seqK: number): Promise<Tensor> {
  const { shape, dtype } = full;
  const columns = shape.at(-1) ?? 1;
  const rows = shape.at(-2) ?? 1;
  const [keptRows, keptColumns] = [Math.min(rows, seq), Math.min(columns, seqK)];
  const data = await full.data();
  const matrices = data.length / (rows * columns);
  const part = new Float32Array(matrices * keptRows * keptColumns);
  for (let row = 0; row < matrices * keptRows; row++) {
    const from = (Math.floor(row / keptRows) * rows + (row % keptRows)) * columns;
    part.set(data.subarray(from, from + keptColumns), row * keptColumns);
  }
  return tensor(part, [...shape.slice(0, -2), ...[keptRows, keptColumns].slice(-Math.min(2, shape.length))], { dtype });
}
