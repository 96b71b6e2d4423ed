import type { Problem } from '../api/problem';
import type { Step } from '../device/dispatch';
import { sizeOf } from '../tensor/layout';
import type { Params } from '../wgsl/params';
import type { Operands, Slice } from './operands';
import { toHalf } from './to-half';

// dbias is summed in f32, slice after slice: into the result itself, or, for a bias of halves, into scratch that is rounded at
// the end.

/**
 * Whether dbias must be computed. A bias that is the same for all keys of a query leaves softmax as it is, so its gradient is exactly
 * 0, as it begins; summed up, dS would leave the rounding of thousands of terms.
 */
export const hasDbias = ({ bias }: Problem): boolean => bias !== null && bias.shape[3] > 1;

type Buffers = Readonly<Record<string, GPUBuffer>>;

export const dbiasScratch = (p: Problem): Record<string, number> =>
  hasDbias(p) && p.bias?.dtype === 'f16' ? { dbias_sum: 4 * sizeOf(p.bias.shape) } : {};

/** Where the sum is made, as bound for a slice. */
export const dbiasSum = (operands: Operands, buffers: Buffers): GPUBufferBinding =>
  operands.bind('dbias', buffers.dbias_sum ?? buffers.dbias);

export const finishDbias = (p: Problem, buffers: Buffers): Step[] =>
  hasDbias(p) && p.bias?.dtype === 'f16' ? [toHalf(buffers.dbias_sum, buffers.dbias, sizeOf(p.bias.shape))] : [];

/** How many batches, heads and tiles of the bias a slice of the problem has: 1 along each broadcast axis; never along the keys, see hasDbias. */
export interface BiasGrid {
  readonly batches: number;
  readonly heads: number;
  readonly tilesQ: number;
  readonly tilesK: number;
}

export function biasGrid({ bias, Nq, Nk }: Problem, { B, H }: Slice, { br, bc }: { br: number; bc: number }): BiasGrid {
  const [ofB, ofH, ofQ] = bias!.shape;
  return {
    batches: ofB === 1 ? 1 : B,
    heads: ofH === 1 ? 1 : H,
    tilesQ: ofQ === 1 ? 1 : Math.ceil(Nq / br),
    tilesK: Math.ceil(Nk / bc),
  };
}

/** The uniforms of kernels that sum dbias, beside those of every other. */
export const biasGridParams = (p: Problem, operands: Operands, grid: BiasGrid): Params => ({
  batches: operands.slice.B,
  bias_batches: grid.batches,
  bias_heads: grid.heads,
  bias_tiles_q: grid.tilesQ,
  bias_tiles_k: grid.tilesK,
  bias_rows: p.bias!.shape[2],
  bias_columns: p.bias!.shape[3],
  dbias_base: operands.base('dbias'),
});
