import { attentionWithKvCache, type KvCacheCallOptions, type KvCacheResult } from '../api/attention-with-kv-cache';
import { checkBoolean, checkTensor, fail } from '../api/checks';
import type { Tensor } from '../tensor/tensor';
import { given, type Numbers, type OrNull, refuse, renamed, type Rows, withLists } from './arguments';
import { activeSoftcap, type FlashAttnArguments } from './flash-attn-arguments';

type Shared = 'softmaxScale' | 'causal' | 'windowSize' | 'softcap' | 'alibiSlopes' | 'signal' | 'onProgress';

interface Arguments extends Pick<FlashAttnArguments, Shared> {
  /** New keys (B,Nnew,Hk,D) and values (B,Nnew,Hk,Dv), written into the cache behind cacheSeqlens; both or neither. */
  k: Tensor;
  v: Tensor;
  /** (positions, R/2); both or neither. Turn k before it is stored, and q: by cacheSeqlens + i if causal or windowed, else by cacheSeqlens. */
  rotaryCos: Tensor;
  rotarySin: Tensor;
  /** Rows that are in the cache before the append, one number or one for each batch entry. Without k: by default all of the cache. */
  cacheSeqlens: number | Numbers;
  /** Entry of the cache that each batch entry uses. */
  cacheBatchIdx: Numbers;
  /** Rows at the beginning of each batch entry that nobody attends to. */
  cacheLeftpad: Numbers;
  /** Pages of each batch entry, (B,maxPages); the caches are then (pages,pageSize,Hk,D). */
  blockTable: Rows;
  /** Pairs (2n, 2n + 1), or else (n, n + R/2). Default true. */
  rotaryInterleaved: boolean;
  /** 0, the default, chooses. */
  numSplits: number;
  /** Nothing changes: lse is always in the result. */
  returnSoftmaxLse: boolean;
}

export type FlashAttnWithKvcacheOptions = OrNull<Arguments>;

const LISTS = ['cacheSeqlens', 'cacheBatchIdx', 'cacheLeftpad', 'blockTable', 'alibiSlopes'] as const;
type List = (typeof LISTS)[number];
type ListedArguments = Omit<Arguments, List> & Pick<KvCacheCallOptions, List>;

const NAMES = [
  ...[
    'k',
    'v',
    'rotaryCos',
    'rotarySin',
    'cacheSeqlens',
    'cacheBatchIdx',
    'cacheLeftpad',
    'blockTable',
    'softmaxScale',
  ],
  ...['causal', 'windowSize', 'softcap', 'rotaryInterleaved', 'alibiSlopes', 'numSplits', 'returnSoftmaxLse'],
];

const OUR_NAMES = {
  ...{ scale: 'softmaxScale', window: 'windowSize', 'cache.k': 'kCache', 'cache.v': 'vCache' },
  ...{ 'rotary.cos': 'rotaryCos', 'rotary.sin': 'rotarySin', 'rotary.interleaved': 'rotaryInterleaved' },
};

/**
 * flash_attn_with_kvcache of flash-attn 2: appends k and v to the cache in place, then attends to all of it.
 *
 * @param q (B,N,H,D)
 * @param kCache (entries,rows,Hk,D), or (pages,pageSize,Hk,D) with a blockTable; f32 or f16
 * @param vCache the same with head size Dv
 * @returns the result of flash.attentionWithKvCache: out (B,N,H,Dv), lse (B,H,N); no backward, as in the original
 * @throws (rejects) FlashError as flash.attention does, before anything is written
 */
export async function flashAttnWithKvcache(
  q: Tensor,
  kCache: Tensor,
  vCache: Tensor,
  options: FlashAttnWithKvcacheOptions = {},
): Promise<KvCacheResult> {
  return withLists(options, LISTS, (lists) => {
    const all = given<Arguments>(lists, NAMES, ['signal', 'onProgress']) as Partial<ListedArguments>;
    return attendCache(q, kCache, vCache, all);
  });
}

async function attendCache(
  q: Tensor,
  kCache: Tensor,
  vCache: Tensor,
  all: Partial<ListedArguments>,
): Promise<KvCacheResult> {
  const { k, v, rotaryCos, rotarySin, alibiSlopes, rotaryInterleaved: interleaved } = all;
  checkBoolean('returnSoftmaxLse', all.returnSoftmaxLse);
  checkTensor('kCache', kCache, 4);
  checkTensor('vCache', vCache, 4);
  if (kCache.dtype === 'i8')
    refuse('kCache', kCache, 'expected f32 or f16; flash.attentionWithKvCache takes i8 and its scales.');
  const { cacheBatchIdx, cacheLeftpad, blockTable, numSplits, signal, onProgress } = all;
  return renamed(OUR_NAMES, () =>
    attentionWithKvCache(
      q,
      { k: kCache, v: vCache },
      {
        ...{ k, v, cacheBatchIdx, cacheLeftpad, blockTable, numSplits, signal, onProgress },
        ...{ scale: all.softmaxScale, causal: all.causal, window: all.windowSize, softcap: activeSoftcap(all.softcap) },
        alibiSlopes,
        cacheSeqlens: all.cacheSeqlens ?? wholeCache(all, kCache),
        rotary: rotaryCos || rotarySin ? { cos: rotaryCos!, sin: rotarySin!, interleaved } : undefined,
      },
    ),
  );
}

/** Rows of an entry of the cache, which is what the original attends to when it is not told and appends nothing. */
function wholeCache({ k, cacheSeqlens, blockTable }: Partial<ListedArguments>, kCache: Tensor): number {
  if (k !== undefined) fail('cacheSeqlens', 'the rows that are there before k is appended', cacheSeqlens);
  const pages = blockTable?.[0]?.length ?? 1;
  return pages * kCache.shape[1];
}
