import { attentionWithKvCache, type KvCacheResult } from '../api/attention-with-kv-cache';
import { checkBoolean, checkTensor, fail } from '../api/checks';
import type { AttentionOptions } from '../api/options';
import type { Tensor } from '../tensor/tensor';
import { given, type OrNull, refuse, renamed } from './arguments';
import { activeSoftcap, type FlashAttnArguments } from './flash-attn-arguments';

type Shared = 'softmaxScale' | 'causal' | 'windowSize' | 'softcap' | 'alibiSlopes' | 'signal' | 'onProgress';
type List = readonly number[] | Int32Array;

interface Arguments extends Pick<FlashAttnArguments, Shared> {
  /** New keys (B,Nnew,Hk,D) and values (B,Nnew,Hk,Dv), written into the cache behind cacheSeqlens; both or neither. */
  k: Tensor;
  v: Tensor;
  /** (positions, R/2); both or neither. Turn k before it is stored, and q: by cacheSeqlens + i if causal or windowed, else by cacheSeqlens. */
  rotaryCos: Tensor;
  rotarySin: Tensor;
  /** Rows that are in the cache before the append, one number or one for each batch entry. Without k: by default all of the cache. */
  cacheSeqlens: number | List;
  /** Entry of the cache that each batch entry uses. */
  cacheBatchIdx: List;
  /** Refused but for zeros. */
  cacheLeftpad: List;
  /** Pages of each batch entry, (B,maxPages); the caches are then (pages,pageSize,Hk,D). */
  blockTable: readonly List[];
  /** Pairs (2n, 2n + 1), or else (n, n + R/2). Default true. */
  rotaryInterleaved: boolean;
  /** 0, the default, chooses. */
  numSplits: number;
  /** Nothing changes: lse is always in the result. */
  returnSoftmaxLse: boolean;
}

export type FlashAttnWithKvcacheOptions = OrNull<Arguments>;

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
  const all = given<Arguments>(options, NAMES, ['signal', 'onProgress']);
  const { k, v, rotaryCos, rotarySin, cacheLeftpad, alibiSlopes, rotaryInterleaved: interleaved } = all;
  checkBoolean('returnSoftmaxLse', all.returnSoftmaxLse);
  if (cacheLeftpad !== undefined && !(Array.isArray(cacheLeftpad) && cacheLeftpad.every((n) => n === 0))) {
    refuse('cacheLeftpad', cacheLeftpad, 'expected none, or zeros: rows of a cache begin at its first.');
  }
  checkTensor('kCache', kCache, 4);
  checkTensor('vCache', vCache, 4);
  if (kCache.dtype === 'i8')
    refuse('kCache', kCache, 'expected f32 or f16; flash.attentionWithKvCache takes i8 and its scales.');
  const { cacheBatchIdx, blockTable, numSplits, signal, onProgress } = all;
  return renamed(OUR_NAMES, () =>
    attentionWithKvCache(
      q,
      { k: kCache, v: vCache },
      {
        ...{ k, v, cacheBatchIdx, blockTable, numSplits, signal, onProgress },
        ...{ scale: all.softmaxScale, causal: all.causal, window: all.windowSize, softcap: activeSoftcap(all.softcap) },
        alibiSlopes: alibiSlopes as AttentionOptions['alibiSlopes'],
        cacheSeqlens: all.cacheSeqlens ?? wholeCache(all, kCache),
        rotary: rotaryCos || rotarySin ? { cos: rotaryCos!, sin: rotarySin!, interleaved } : undefined,
      },
    ),
  );
}

/** Rows of an entry of the cache, which is what the original attends to when it is not told and appends nothing. */
function wholeCache({ k, cacheSeqlens, blockTable }: Partial<Arguments>, kCache: Tensor): number {
  if (k !== undefined) fail('cacheSeqlens', 'the rows that are there before k is appended', cacheSeqlens);
  const pages = blockTable?.[0]?.length ?? 1;
  return pages * kCache.shape[1];
}
