import { decodePlan, type DecodeOptions } from '../kernels/decode/plan';
import { MAX_SPLITS } from '../kernels/splits/choose-splits';
import { bindScope } from '../tensor/scope';
import { fromBuffer, type Tensor } from '../tensor/tensor';
import { checkCachePlaces, checkCacheTensors } from './check-kv-cache';
import { checkNames, checkShape, checkTensor, fail } from './checks';
import { FlashError } from './errors';
import type { KvCache } from './kv-cache';
import { type AttentionInfo, onDevice } from './on-device';
import type { AttentionOptions } from './options';
import { checkCall, checkDtypes, checkFilled } from './validate';

export interface RotaryOptions {
  /** (positions, R/2) with R <= D the numbers of a row that are turned; f32 or q's dtype. */
  cos: Tensor;
  sin: Tensor;
  /** Pairs (2n, 2n + 1), or else (n, n + R/2). Default true. */
  interleaved?: boolean;
}

type Features = 'scale' | 'causal' | 'window' | 'softcap' | 'alibiSlopes' | 'bias' | 'mask' | 'signal' | 'onProgress';

/** Options of {@link attentionWithKvCache}; bias and mask broadcast to (B,H,N, the longest length after the append). */
export interface KvCacheCallOptions extends Pick<AttentionOptions, Features> {
  /** New keys (B,Nnew,Hk,D) and values (B,Nnew,Hk,Dv), appended before attending; both or neither. */
  k?: Tensor;
  v?: Tensor;
  /** Rows that each batch entry has before the append; not changed. */
  cacheSeqlens: number | readonly number[] | Int32Array;
  /** Entry of the cache that each batch entry uses; default its own number. */
  cacheBatchIdx?: readonly number[] | Int32Array;
  /**
   * Rows at the beginning of each batch entry that nobody attends to, at most its cacheSeqlens; default none. Keys are counted behind
   * them; positions, which turn q and k, are not.
   */
  cacheLeftpad?: readonly number[] | Int32Array;
  /** Pages of each batch entry, for a cache in pages; default the cache's own. */
  blockTable?: readonly (readonly number[] | Int32Array)[];
  /** Turns q, and k before it is stored, by position. */
  rotary?: RotaryOptions;
  /** Parts into which the keys are split and worked on side by side; 0, the default, chooses. */
  numSplits?: number;
}

export interface KvCacheResult {
  /** (B,N,H,Dv), q's dtype. */
  readonly out: Tensor;
  /** (B,H,N) */
  readonly lse: Tensor;
  readonly info: AttentionInfo;
}

const NAMES = [
  ...['scale', 'causal', 'window', 'softcap', 'alibiSlopes', 'bias', 'mask', 'signal', 'onProgress'],
  ...['k', 'v', 'cacheSeqlens', 'cacheBatchIdx', 'cacheLeftpad', 'blockTable', 'rotary', 'numSplits'],
];

/** Arguments by the names of their tensors in the plan. */
const ARGUMENTS = {
  ...{ new_k: 'k', new_v: 'v', cos: 'rotary.cos', sin: 'rotary.sin' },
  ...{ cache_k: 'cache.k', cache_v: 'cache.v', k_scales: 'cache.kScales', v_scales: 'cache.vScales' },
};

/**
 * Attention of new queries over a cache of keys and values, with the semantics of flash-attn's flash_attn_with_kvcache: new keys
 * and values are first written into the cache, in place, behind the `cacheSeqlens` rows that are there; the queries then see all
 * of these rows, causal and window being aligned to the last one. The cache is read where it lies, in its own dtype.
 *
 * An i8 cache stores round(x / scale) with a scale for each head and block of 32 rows (or page, if shorter), the largest |x| of the
 * block over 127: an error of at most half a scale, and half a scale more whenever later rows make the block's scale grow. With
 * standard normal keys and values out was off by 0.0044 where they came at once, by 0.0077 where they came row by row.
 *
 * @param q (B,N,H,D), f32 or f16
 * @param cache k (entries,rows,Hk,D) and v (entries,rows,Hk,Dv), or in pages; f32, f16 or i8, whatever q is
 * @throws (rejects) FlashError as attention does, before anything is written
 */
export async function attentionWithKvCache(
  q: Tensor,
  cache: KvCache,
  options: KvCacheCallOptions,
): Promise<KvCacheResult> {
  checkNames(options, NAMES);
  const { k, v, bias, mask, rotary } = options;
  checkTensor('q', q, 4);
  checkFilled('q', q);
  const [B, N, H, D] = q.shape;
  const { cache: kv, element } = checkCacheTensors(cache, D);
  const [, , Hk, Dv] = kv.v.shape;
  const newRows = checkNew(q, k, v, [B, Hk, D, Dv]);
  const places = checkCachePlaces(kv, element, options, { B, D, newRows });
  const { problem, signal, onProgress } = checkCall(
    pickFeatures(options),
    {
      ...{ B, H, Hk, Nq: N, Nk: longest(places.cache.lengths), D, Dv },
      ...{ layout: 'bnhd', dtype: checkDtypes({ q }), packing: 'none', sequences: null },
    },
    { q: 'q', k: 'cache.k', v: 'cache.v' },
  );
  const bounded = problem.band.left !== Infinity || problem.band.right !== Infinity;
  const decode: DecodeOptions = {
    newRows,
    positions: places.positions,
    rotary: checkRotary(rotary, q, longest(places.positions) + Math.max(newRows, bounded ? N : 1)),
    advance: bounded,
    splits: checkSplits(options.numSplits),
  };
  const inScope = bindScope();
  const p = { ...problem, cache: places.cache };
  const inputs = {
    q,
    ...(k && v ? { new_k: k, new_v: v } : {}),
    ...(rotary ? { cos: rotary.cos, sin: rotary.sin } : {}),
    ...(bias ? { bias } : {}),
    ...(mask ? { mask } : {}),
  };
  const written = {
    ...{ cache_k: kv.k, cache_v: kv.v },
    ...(kv.kScales && kv.vScales ? { k_scales: kv.kScales, v_scales: kv.vScales } : {}),
  };
  const tensors = { ...inputs, ...written };
  const { device, outputs, info } = await onDevice(tensors, (facts) => decodePlan(p, decode, facts), {
    signal,
    onProgress,
    writes: newRows > 0 ? Object.keys(written) : [],
    names: ARGUMENTS,
  });
  return inScope(() => ({
    out: fromBuffer(device, outputs.out, [B, N, H, Dv], problem.dtype),
    lse: fromBuffer(device, outputs.lse, [B, H, N]),
    info,
  }));
}

function pickFeatures(options: KvCacheCallOptions): Pick<AttentionOptions, Features> {
  const { scale, causal, window, softcap, alibiSlopes, bias, mask, signal, onProgress } = options;
  return { scale, causal, window, softcap, alibiSlopes, bias, mask, signal, onProgress };
}

const longest = (lengths: Int32Array): number => lengths.reduce((a, b) => Math.max(a, b), 0);

/** Rows of the new keys and values, 0 where there are none. */
function checkNew(
  q: Tensor,
  k: Tensor | undefined,
  v: Tensor | undefined,
  [B, Hk, D, Dv]: [number, number, number, number],
): number {
  if (k === undefined && v === undefined) return 0;
  checkTensor('k', k, 4);
  checkTensor('v', v, 4);
  checkDtypes({ q, k, v });
  checkFilled('k', k);
  const rows = k.shape[1];
  checkShape('k', k, [B, rows, Hk, D], '(batch and head size of q, heads of the cache)');
  checkShape('v', v, [B, rows, Hk, Dv], '(batch and length of k, heads and head size of cache.v)');
  return rows;
}

function checkSplits(given: unknown = 0): number {
  if (!Number.isInteger(given) || (given as number) < 0 || (given as number) > MAX_SPLITS) {
    fail('numSplits', `a whole number from 0 (choose) to ${MAX_SPLITS}`, given);
  }
  return given as number;
}

function checkRotary(rotary: RotaryOptions | undefined, q: Tensor, positions: number): DecodeOptions['rotary'] {
  if (rotary === undefined) return null;
  if (typeof rotary !== 'object' || rotary === null) fail('rotary', '{ cos, sin, interleaved? }', rotary);
  checkNames(rotary, ['cos', 'sin', 'interleaved']);
  const { cos, sin, interleaved = true } = rotary;
  if (typeof interleaved !== 'boolean') fail('rotary.interleaved', 'true or false', interleaved);
  checkTensor('rotary.cos', cos, 2);
  checkTensor('rotary.sin', sin, 2);
  const [rows, half] = cos.shape;
  checkShape('rotary.sin', sin, [rows, half], '(that of cos)');
  if (half < 1 || 2 * half > q.shape[3]) {
    throw new FlashError(
      'SHAPE',
      `rotary.cos: expected 1 to ${Math.floor(q.shape[3] / 2)} columns, half of the numbers of a row to turn, got ${half}.`,
    );
  }
  if (rows < positions) {
    throw new FlashError(
      'SHAPE',
      `rotary.cos: expected at least ${positions} rows, one for each position, got ${rows}.`,
    );
  }
  const { dtype } = cos;
  if ((dtype !== 'f32' && dtype !== q.dtype) || sin.dtype !== dtype) {
    throw new FlashError(
      'DTYPE',
      `rotary: expected cos and sin of one dtype, 'f32' or that of q, got '${dtype}' and '${sin.dtype}'.`,
    );
  }
  return { dim: 2 * half, interleaved, element: dtype as 'f32' | 'f16' };
}
