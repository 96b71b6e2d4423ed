import type { Problem } from '../api/problem';
import type { Step } from '../device/dispatch';
import { sizeOf } from '../tensor/layout';
import type { Params } from '../wgsl/params';
import type { Operands, Slice } from './operands';
import { toHalf } from './to-half';

// dbias is summed in f32, slice after slice: into the result itself, or, for a bias of halves, into scratch that is rounded at
// the end.

type Buffers = Readonly<Record<string, GPUBuffer>>;

export const dbiasScratch = ({ bias }: Problem): Record<string, number> =>
  bias?.dtype === 'f16' ? { dbias_sum: 4 * sizeOf(bias.shape) } : {};

/** Where the sum is made, as bound for a slice. */
export const dbiasSum = (operands: Operands, buffers: Buffers): GPUBufferBinding =>
  operands.bind('dbias', buffers.dbias_sum ?? buffers.dbias);

export const finishDbias = ({ bias }: Problem, buffers: Buffers): Step[] =>
  bias?.dtype === 'f16' ? [toHalf(buffers.dbias_sum, buffers.dbias, sizeOf(bias.shape))] : [];

/** How many batches, heads and tiles of the bias a slice of the problem has: 1 along each broadcast axis. */
export interface BiasGrid {
  readonly batches: number;
  readonly heads: number;
  readonly tilesQ: number;
  readonly tilesK: number;
}

export function biasGrid({ bias, Nq, Nk }: Problem, { B, H }: Slice, { br, bc }: { br: number; bc: number }): BiasGrid {
  const [ofB, ofH, ofQ, ofK] = bias!.shape;
  return {
    batches: ofB === 1 ? 1 : B,
    heads: ofH === 1 ? 1 : H,
    tilesQ: ofQ === 1 ? 1 : Math.ceil(Nq / br),
    tilesK: ofK === 1 ? 1 : Math.ceil(Nk / bc),
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
