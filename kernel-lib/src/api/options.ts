import type { Layout } from './problem';

/** Which kernels compute: tiles on chip, three plain passes over the whole score matrix, or float64 on the CPU. */
export type Algorithm = 'flash2' | 'naive' | 'reference';

/** Options of {@link attention}. */
export interface AttentionOptions {
  /** Factor of q.k before softmax; any finite number. Default 1/sqrt(D). */
  scale?: number;
  /** Query i sees key j only where j <= i + Nk - Nq: the last query sees the last key. Default false. */
  causal?: boolean;
  /** Axes of q, k, v, out, dout, dq, dk, dv: (B,H,N,D) or (B,N,H,D). Default 'bhnd'. */
  layout?: Layout;
  /** Default 'flash2' (FlashAttention-2). */
  algorithm?: Algorithm;
  /** Queries (br) and keys (bc) of a tile instead of the device's own choice. Only with flash2. */
  tiles?: { br: number; bc: number };
  /** Stops the work between two submits (about 100 ms) and rejects with its reason. */
  signal?: AbortSignal;
  /** Told how much of the work is done, 0 to 1. */
  onProgress?: (fraction: number) => void;
}
