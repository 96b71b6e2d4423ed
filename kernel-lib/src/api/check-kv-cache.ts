import { describe } from './describe';
import { FlashError } from './errors';
import { SCALE_BLOCK, type KvCache } from './kv-cache';
import type { KeyCache } from './problem';
import { checkSameDtype, checkShape, checkTensor, fail } from './checks';

/** What the cache must fit. */
interface Wanted {
  readonly B: number;
  readonly D: number;
  /** Rows appended to each batch entry. */
  readonly newRows: number;
}

interface CacheOptions {
  cacheSeqlens?: unknown;
  cacheBatchIdx?: unknown;
  blockTable?: unknown;
  cacheLeftpad?: unknown;
}

const isWhole = (n: unknown): n is number => Number.isInteger(n) && (n as number) >= 0 && (n as number) < 2 ** 30;

/** Tensors of a cache against each other and the queries; returns how it is stored. */
export function checkCacheTensors(cache: unknown, D: number): { cache: KvCache; element: KeyCache['element'] } {
  if (typeof cache !== 'object' || cache === null) fail('cache', '{ k, v } (see flash.kvCache)', cache);
  const given = cache as KvCache;
  checkTensor('cache.k', given.k, 4);
  checkTensor('cache.v', given.v, 4);
  const [pages, rows, Hk] = given.k.shape;
  checkShape('cache.k', given.k, [pages, rows, Hk, D], `(head size ${D} of q)`);
  checkShape('cache.v', given.v, [pages, rows, Hk, given.v.shape[3]], '(entries, rows and heads of cache.k)');
  if ([...given.k.shape, given.v.shape[3]].some((n) => n < 1)) {
    throw new FlashError('SHAPE', `cache: expected every axis to be at least 1, got ${given.k} and ${given.v}.`);
  }
  const { dtype } = given.k;
  if (dtype === 'bool') throw new FlashError('DTYPE', "cache.k: expected dtype 'f32', 'f16' or 'i8', got 'bool'.");
  checkSameDtype('cache.v', given.v, dtype, 'cache.k');
  if (dtype === 'i8') {
    for (const name of ['kScales', 'vScales'] as const) {
      checkTensor(`cache.${name}`, given[name]);
      checkSameDtype(`cache.${name}`, given[name], 'f32', 'scales');
      const shape = [pages, Math.ceil(rows / SCALE_BLOCK), Hk];
      checkShape(`cache.${name}`, given[name], shape, '(entries, blocks of rows and heads of cache.k)');
    }
  }
  return { cache: given, element: dtype };
}

/** Where each batch entry's rows lie and how many it has before the call. */
export function checkCachePlaces(
  { k, blockTable: own }: KvCache,
  element: KeyCache['element'],
  options: CacheOptions,
  { B, newRows }: Wanted,
): { cache: KeyCache; positions: Int32Array } {
  const [pages, pageSize] = k.shape;
  const paged = options.blockTable ?? own;
  if (paged !== undefined && options.cacheBatchIdx !== undefined) {
    fail('cacheBatchIdx', 'nothing together with a blockTable', options.cacheBatchIdx);
  }
  const positions = checkSeqlens(options.cacheSeqlens, B);
  const table = paged === undefined ? checkBatchIdx(options.cacheBatchIdx, B, pages) : checkTable(paged, B);
  const lengths = positions.map((n) => n + newRows);
  const writers = new Map<number, number>();
  table.forEach((row, b) => {
    if (lengths[b] > row.length * pageSize) {
      throw new FlashError(
        'SHAPE',
        `cacheSeqlens[${b}]: expected at most ${row.length * pageSize - newRows} rows before ${newRows} new one(s) in ` +
          `${row.length} x ${pageSize} rows of the cache, got ${positions[b]}.`,
      );
    }
    row.slice(0, Math.ceil(lengths[b] / pageSize)).forEach((page, n) => {
      if (!isWhole(page) || page >= pages)
        fail(`blockTable[${b}][${n}]`, `a page of the cache, 0 to ${pages - 1}`, page);
      if ((n + 1) * pageSize <= positions[b] || newRows === 0) return;
      const other = writers.get(page);
      if (other !== undefined) {
        throw new FlashError(
          'INVALID_ARGUMENT',
          `${paged === undefined ? 'cacheBatchIdx' : 'blockTable'}: expected no two batch entries to append to the same part of ` +
            `the cache, got ${page} for entries ${other} and ${b}.`,
        );
      }
      writers.set(page, b);
    });
  });
  const starts = checkLeftpad(options.cacheLeftpad, positions);
  const maxPages = table.reduce((most, row) => Math.max(most, row.length), 0);
  const flat = new Int32Array(B * maxPages);
  // What a row does not use is never read; 0 keeps it a page.
  table.forEach((row, b) =>
    row.forEach((page, n) => (flat[b * maxPages + n] = isWhole(page) && page < pages ? page : 0)),
  );
  const cache: KeyCache = {
    ...{ lengths: lengths.map((n, b) => n - starts[b]), starts, table: flat, maxPages },
    ...{ pageSize, pages, element, scaleBlock: Math.min(SCALE_BLOCK, pageSize) },
  };
  return { cache, positions };
}

function checkLeftpad(given: unknown, positions: Int32Array): Int32Array {
  if (given === undefined) return new Int32Array(positions.length);
  if (!(Array.isArray(given) || given instanceof Int32Array) || given.length !== positions.length) {
    fail('cacheLeftpad', `${positions.length} whole numbers of rows`, given);
  }
  const list = Array.from<unknown>(given);
  const odd = list.findIndex((n, b) => !isWhole(n) || n > positions[b]);
  if (odd >= 0) fail(`cacheLeftpad[${odd}]`, `0 to ${positions[odd]}, the rows that are there`, list[odd]);
  return Int32Array.from(list as number[]);
}

function checkSeqlens(given: unknown, B: number): Int32Array {
  const expected = `a whole number of rows, or ${B} of them`;
  if (isWhole(given)) return new Int32Array(B).fill(given);
  if (!(Array.isArray(given) || given instanceof Int32Array)) fail('cacheSeqlens', expected, given);
  const list = Array.from<unknown>(given);
  if (list.length !== B) fail('cacheSeqlens', expected, given);
  const odd = list.findIndex((n) => !isWhole(n));
  if (odd >= 0) fail(`cacheSeqlens[${odd}]`, 'a whole number >= 0', list[odd]);
  return Int32Array.from(list as number[]);
}

/** A cache without pages: entry b's only page is its own part of the cache. */
function checkBatchIdx(given: unknown, B: number, entries: number): number[][] {
  if (given === undefined) {
    if (entries < B) {
      throw new FlashError(
        'SHAPE',
        `cache.k: expected at least ${B} entries, one for each batch entry, got ${entries}.`,
      );
    }
    return Array.from({ length: B }, (_, b) => [b]);
  }
  if (!(Array.isArray(given) || given instanceof Int32Array) || given.length !== B) {
    fail('cacheBatchIdx', `${B} entries of the cache`, given);
  }
  return Array.from<unknown>(given).map((entry, b) => {
    if (!isWhole(entry) || entry >= entries)
      fail(`cacheBatchIdx[${b}]`, `an entry of the cache, 0 to ${entries - 1}`, entry);
    return [entry];
  });
}

function checkTable(given: unknown, B: number): number[][] {
  if (!Array.isArray(given) || given.length !== B) fail('blockTable', `${B} lists of pages`, given);
  return given.map((row: unknown, b) => {
    if (!(Array.isArray(row) || row instanceof Int32Array) || row.length === 0) {
      throw new FlashError('INVALID_ARGUMENT', `blockTable[${b}]: expected a list of pages, got ${describe(row)}.`);
    }
    return Array.from<number>(row);
  });
}
