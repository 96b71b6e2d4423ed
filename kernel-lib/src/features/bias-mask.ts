import type { Problem, ScoreOperand } from '../api/problem';
import { BYTES } from '../tensor/dtype';
import type { Params } from '../wgsl/params';
import { FORBIDDEN, LOG2_E } from '../wgsl/special-values';

// Tensors over the scores, broadcast from (1 or B, 1 or H, 1 or Nq, 1 or Nk). Both are read where and as they are stored, so
// that one kernel takes every dtype and every way to broadcast.
//
// bias: added to the score; -Infinity forbids the pair. Its gradient is dS, summed over the axes that were broadcast.
// mask: 0 (of either sign) forbids the pair, anything else allows it. It has no gradient.

/** Strides in elements, 0 along an axis that is broadcast. */
export function broadcastStrides({ shape: [B, H, Nq, Nk] }: ScoreOperand): [number, number, number, number] {
  const along = (size: number, stride: number): number => (size === 1 ? 0 : stride);
  return [along(B, H * Nq * Nk), along(H, Nq * Nk), along(Nq, Nk), along(Nk, 1)];
}

const NONE = [0, 0, 0, 0] as const;

export function biasMaskParams({ bias, mask }: Pick<Problem, 'bias' | 'mask'>): Params {
  const bytes = mask ? BYTES[mask.dtype] : 4;
  return {
    bias_on: Number(bias !== null),
    bias_half: Number(bias?.dtype === 'f16'),
    mask_on: Number(mask !== null),
    mask_bytes: bytes,
    // -0 is a zero; bytes have no sign bit to leave out.
    mask_bits: mask?.dtype === 'f32' ? 0x7fffffff : mask?.dtype === 'f16' ? 0x7fff : 0xff,
    bias_strides: bias ? broadcastStrides(bias) : [...NONE],
    mask_strides: mask ? broadcastStrides(mask) : [...NONE],
  };
}

/**
 * `bias_at(b, h, i, j)` in log2 units, FORBIDDEN for -Infinity. A finite bias stays above what counts as an empty row, so that
 * a row that a huge negative bias covers evenly is a softmax over equal scores, as it is in the formula.
 */
export const BIAS_WGSL = `
fn bias_at(b: u32, h: u32, i: u32, j: u32) -> f32 {
  let at = dot(vec4u(b, h, i, j), params.bias_strides) + params.bias_base;
  var bits = 0u;
  if (params.bias_half == 1u) {
    let word = bias[at >> 1u];
    let half = (word >> ((at & 1u) * 16u)) & 0xffffu;
    bits = select(bitcast<u32>(unpack2x16float(half).x), 0xff800000u, half == 0xfc00u);
  } else {
    bits = bias[at];
  }
  return select(max(bitcast<f32>(bits) * ${LOG2_E}, -1.6e38), ${FORBIDDEN}, bits == 0xff800000u);
}`;

export const MASK_WGSL = `
fn mask_allows(b: u32, h: u32, i: u32, j: u32) -> bool {
  let byte = (dot(vec4u(b, h, i, j), params.mask_strides) + params.mask_base) * params.mask_bytes;
  return ((mask[byte >> 2u] >> ((byte & 3u) * 8u)) & params.mask_bits) != 0u;
}`;
