import { zeros, type Tensor } from '../tensor/tensor';
import { checkNames, fail, oneOf } from './checks';

/**
 * Keys and values of earlier tokens: k (batch,seq,kvHeads,dim) and v (batch,seq,kvHeads,dimV), or in pages (pages,pageSize,…).
 * attentionWithKvCache appends to it in place.
 */
export interface KvCache {
  /** f32, f16 or i8. */
  readonly k: Tensor;
  readonly v: Tensor;
  /**
   * Of an i8 cache: what its numbers are multiplied by, f32 (batch or pages, blocks of a batch or page, kvHeads); a block is
   * SCALE_BLOCK rows, or a page where that is shorter.
   */
  readonly kScales?: Tensor;
  readonly vScales?: Tensor;
  /** Pages of each batch entry in order, (batch, pages of each), where pages were asked for. */
  readonly blockTable?: readonly (readonly number[])[];
}

/** Rows of an i8 cache that share a scale, at the most. */
export const SCALE_BLOCK = 32;

export interface KvCacheOptions {
  batch: number;
  kvHeads: number;
  /** The most rows a batch entry may have. */
  seq: number;
  /** Head size of k. */
  dim: number;
  /** Head size of v; default dim. */
  dimV?: number;
  /** Default 'f32'. 'i8' takes a quarter of the memory; attentionWithKvCache tells how far it is off. */
  dtype?: 'f32' | 'f16' | 'i8';
  /** Rows of a page; without it, each batch entry's rows follow each other. */
  pageSize?: number;
}

/**
 * An empty cache for attentionWithKvCache. With `pageSize`, its blockTable gives each batch entry pages of its own, in order.
 * @throws FlashError INVALID_ARGUMENT, OUT_OF_MEMORY
 */
export function kvCache(options: KvCacheOptions): KvCache {
  checkNames(options, ['batch', 'kvHeads', 'seq', 'dim', 'dimV', 'dtype', 'pageSize']);
  const { batch, kvHeads, seq, dim, dimV = dim, pageSize } = options;
  const sizes = { batch, kvHeads, seq, dim, dimV, ...(pageSize === undefined ? {} : { pageSize }) };
  for (const [name, size] of Object.entries(sizes)) {
    if (!Number.isInteger(size) || size < 1) fail(name, 'a whole number >= 1', size);
  }
  const dtype = oneOf('dtype', ['f32', 'f16', 'i8'], options.dtype, 'f32');
  const pagesOfEntry = pageSize === undefined ? 1 : Math.ceil(seq / pageSize);
  const rows = pageSize ?? seq;
  const pages = batch * pagesOfEntry;
  const scales = (): Tensor => zeros([pages, Math.ceil(rows / SCALE_BLOCK), kvHeads]);
  return {
    k: zeros([pages, rows, kvHeads, dim], { dtype }),
    v: zeros([pages, rows, kvHeads, dimV], { dtype }),
    ...(dtype === 'i8' ? { kScales: scales(), vScales: scales() } : {}),
    ...(pageSize === undefined
      ? {}
      : {
          blockTable: Array.from({ length: batch }, (_, b) =>
            Array.from({ length: pagesOfEntry }, (_unused, n) => b * pagesOfEntry + n),
          ),
        }),
  };
}
