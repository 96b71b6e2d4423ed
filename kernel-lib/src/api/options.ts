import type { Tensor } from '../tensor/tensor';
import type { Layout } from './problem';

/**
 * Which kernels compute: tiles on chip with the queries outside (FlashAttention-2) or the keys outside (FlashAttention-1), three
 * plain passes over the whole score matrix, or float64 on the CPU.
 */
export type Algorithm = 'flash2' | 'flash1' | 'naive' | 'reference';

/**
 * Options of {@link attention}. A score is made in this order: s = scale * q.k; softcap; + ALiBi + bias; -Infinity unless causal,
 * window and mask all allow; then p = exp(s - lse) and dropout.
 */
export interface AttentionOptions {
  /** Factor of q.k before softmax; any finite number. Default 1/sqrt(D). */
  scale?: number;
  /** Query i sees key j only where j <= i + Nk - Nq: the last query sees the last key. Default false. */
  causal?: boolean;
  /**
   * [left, right]: query i sees key j only where i + Nk - Nq - left <= j <= i + Nk - Nq + right; -1 is unbounded. Together with
   * causal both must allow. Default [-1, -1].
   */
  window?: readonly [number, number];
  /** s becomes softcap * tanh(s / softcap); 0 is off, the default. */
  softcap?: number;
  /** Adds -slope * |i + Nk - Nq - j|, with a slope for each of H heads, or for each of B batches and H heads. */
  alibiSlopes?: readonly number[] | readonly (readonly number[])[];
  /** Added to the scores; broadcastable to (B,H,Nq,Nk); f32 or q's dtype; -Infinity forbids a pair. backward gives dbias. */
  bias?: Tensor;
  /** 0 forbids a pair, anything else allows it; broadcastable to (B,H,Nq,Nk); any dtype. */
  mask?: Tensor;
  /** Probability, 0 <= p < 1, that an entry of p is dropped; the others are divided by 1 - p. Default 0. */
  dropout?: number;
  /** Whole number 0 .. 2^32-1 that dropout's mask depends on (see dropoutMask); without one, drawn and told in the result. */
  seed?: number;
  /** Axes of q, k, v, out, dout, dq, dk, dv: (B,H,N,D) or (B,N,H,D). Default 'bhnd'. */
  layout?: Layout;
  /** Default 'flash2' (FlashAttention-2). */
  algorithm?: Algorithm;
  /** Queries (br) and keys (bc) of a tile instead of the device's own choice; naive and reference have none. */
  tiles?: { br: number; bc: number };
  /** Stops the work between two submits (about 100 ms) and rejects with its reason. */
  signal?: AbortSignal;
  /** Told how much of the work is done, 0 to 1. */
  onProgress?: (fraction: number) => void;
}
