import type { DType } from '../tensor/dtype';

/** Order of the axes of q, k, v, out, dout, dq, dk and dv: (B,H,N,D) or (B,N,H,D). */
export type Layout = 'bhnd' | 'bnhd';

/** How far to each side of the diagonal a query sees, in keys; Infinity where nothing bounds it. Causal is `right: 0`. */
export interface Band {
  readonly left: number;
  readonly right: number;
  /** The diagonal is j = i, so that query 0 is level with key 0, and not j = i + Nk - Nq. No option says so; other libraries' names do. */
  readonly topLeft?: boolean;
}

/** A tensor over the scores: its shape, each axis either 1 or that of (B,H,Nq,Nk), and how its numbers are stored. */
export interface ScoreOperand {
  readonly shape: readonly [number, number, number, number];
  readonly dtype: DType;
}

export interface Dropout {
  /** Probability that an entry of p is dropped, 0 < p < 1. */
  readonly p: number;
  /** Whole number 0 .. 2^32-1. */
  readonly seed: number;
}

/** Where each sequence of a packed batch begins, B + 1 offsets from 0 to the total number of rows. */
export interface Sequences {
  readonly cuSeqlensQ: Int32Array;
  readonly cuSeqlensK: Int32Array;
}

/**
 * Keys and values that lie in pages of a cache, of which each batch entry uses `lengths[b]` rows from row `starts[b]` on. A cache without
 * pages is one whose pages are as long as it is.
 */
export interface KeyCache {
  /** Rows that each batch entry attends to, (B), and the first of them, counted from the first row of its place. */
  readonly lengths: Int32Array;
  readonly starts: Int32Array;
  /** Pages of each batch entry, (B,maxPages). */
  readonly table: Int32Array;
  readonly maxPages: number;
  /** Rows of a page, and how many pages there are. */
  readonly pageSize: number;
  readonly pages: number;
  readonly element: 'f32' | 'f16' | 'i8';
  /** Rows of a page that share a scale; only for i8. */
  readonly scaleBlock: number;
}

/**
 * A checked attention problem: every number is in range and the shapes agree, so the code that receives one checks nothing.
 *
 * `B` batch, `H` query heads, `Hk` key/value heads (H % Hk === 0; query head h reads head floor(h*Hk/H)), `Nq` and `Nk`
 * lengths of the queries and the keys, `D` head size of q and k, `Dv` head size of v and out.
 */
export interface Problem extends Features {
  readonly B: number;
  readonly H: number;
  readonly Hk: number;
  /** With `sequences`: the longest one's length; may be 0 there. */
  readonly Nq: number;
  readonly Nk: number;
  readonly D: number;
  readonly Dv: number;
  /** Factor of q.k before softmax. */
  readonly scale: number;
  readonly layout: Layout;
  /** q, k and v lie in one tensor (B,N,3,H,D), or k and v in one (B,N,2,Hk,D); layout is then 'bnhd'. */
  readonly packing: 'none' | 'qkv' | 'kv';
  /** How q, k, v, out and their gradients are stored; with a cache, q and out. */
  readonly dtype: 'f32' | 'f16';
  /** Where k and v are rows of a cache; Nk is then the longest of its lengths. */
  readonly cache?: KeyCache;
}

/** What changes the scores or p; see features/. */
export interface Features {
  /** i + Nk - Nq - left <= j <= i + Nk - Nq + right: causal and window together. With topLeft, i - left <= j <= i + right. */
  readonly band: Band;
  /** s becomes softcap * tanh(s / softcap); 0 is off. */
  readonly softcap: number;
  /** (B,H): -slope * |i + Nk - Nq - j| is added; null is off. */
  readonly alibiSlopes: Float32Array | null;
  readonly bias: ScoreOperand | null;
  readonly mask: ScoreOperand | null;
  readonly dropout: Dropout | null;
  /** q is (totalQ,H,D), k and v (totalK,Hk,D) and lse (H,totalQ); b is the sequence, i and j count within it. */
  readonly sequences: Sequences | null;
}

/** Full attention: every query sees every key and nothing changes the scores. */
export const NO_FEATURES: Features = {
  band: { left: Infinity, right: Infinity },
  softcap: 0,
  alibiSlopes: null,
  bias: null,
  mask: null,
  dropout: null,
  sequences: null,
};

export const CAUSAL: Band = { left: Infinity, right: 0 };
