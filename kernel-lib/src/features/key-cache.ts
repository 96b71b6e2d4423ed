import type { KeyCache, Problem } from '../api/problem';
import type { Params } from '../wgsl/params';
import type { Element, StageSource } from '../wgsl/staging';
import { keyWords } from './sequences';

// Keys and values read where a cache keeps them: in pages that a table names, as f32, f16 or i8. An i8 is a whole number times the
// scale of its head and block of rows.

/** How a kernel reads keys and values. */
export interface KeySource {
  readonly element: Element;
  /** Rows lie in pages; addresses are told by WGSL below. */
  readonly paged: boolean;
}

export const keySource = (p: Problem): KeySource => ({
  element: p.cache?.element ?? p.dtype,
  paged: p.cache !== undefined,
});

/** How many rows of scales a page has. */
export const blocksOfPage = ({ pageSize, scaleBlock }: KeyCache): number => Math.ceil(pageSize / scaleBlock);

export function keyCacheParams(p: Problem): Params {
  const { cache, B } = p;
  if (!cache) return {};
  return {
    starts: keyWords(p) + B,
    table: keyWords(p) + 2 * B,
    max_pages: cache.maxPages,
    page_size: cache.pageSize,
    scale_block: cache.scaleBlock,
    page_blocks: blocksOfPage(cache),
  };
}

/** `cache_row(b, j)`: the row of the cache, counted over all pages, where row j of batch b's place lies. */
export const CACHE_ROW_WGSL = `
fn cache_row(b: u32, j: u32) -> u32 {
  return word(params.table + b * params.max_pages + j / params.page_size) * params.page_size + j % params.page_size;
}`;

/** `scale_index(row, hk)`: where the scale of a cache row lies. */
export const SCALE_INDEX_WGSL = `
fn scale_index(row: u32, hk: u32) -> u32 {
  let block = row / params.page_size * params.page_blocks + row % params.page_size / params.scale_block;
  return block * params.Hk + hk;
}`;

/** Module scope of a kernel that stages keys and values; the scales from binding `first` on. */
export function keySourceWgsl({ element, paged }: KeySource, first: number): string {
  const scales = ['k', 'v'].map(
    (name, n) => `@group(0) @binding(${first + n}) var<storage, read> ${name}_scales: array<f32>;`,
  );
  return `${paged ? CACHE_ROW_WGSL : ''}${element === 'i8' ? `${scales.join('\n')}${SCALE_INDEX_WGSL}` : ''}`;
}

/** Names of the buffers of scales, in the order of their bindings. */
export const scaleBuffers = ({ element }: KeySource): ('k_scales' | 'v_scales')[] =>
  element === 'i8' ? ['k_scales', 'v_scales'] : [];

/** WGSL at the beginning of a workgroup that reads keys and values of batch `b`. */
export const firstKeyWgsl = ({ paged }: KeySource): string => (paged ? 'let first_key = word(params.starts + b);' : '');

/** The rows of k or v as this source stores them. */
export function fromCache(rows: StageSource, { element, paged }: KeySource): StageSource {
  if (!paged) return rows;
  return {
    ...rows,
    at: (row) => `${rows.base} + cache_row(b, first_key + ${row}) * ${rows.rowStride}`,
    ...(element === 'i8'
      ? { rowScale: (row) => `${rows.name}_scales[scale_index(cache_row(b, first_key + ${row}), hk)]` }
      : {}),
  };
}
