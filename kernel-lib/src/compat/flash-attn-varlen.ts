import { attend, type Attended } from '../api/attend';
import {
  attentionVarlen,
  checkHeadAxes,
  checkOffsets,
  checkSequences,
  longest,
  type VarlenResult,
} from '../api/attention-varlen';
import { attentionVarlenPaged, type VarlenPagedOptions } from '../api/attention-varlen-paged';
import type { KvGradients, QkvGradients } from '../api/attention-packed';
import { checkShape, checkTensor } from '../api/checks';
import { checkCall, checkDtypes } from '../api/validate';
import type { Tensor } from '../tensor/tensor';
import { type Numbers, type OrNull, refuse, renamed, type Rows, withLists } from './arguments';
import {
  checkLongest,
  FLASH_ATTN_NAMES,
  type FlashAttnArguments,
  translate,
  type Translated,
  type WithProbabilities,
  withProbabilities,
} from './flash-attn-arguments';

/** Where each sequence begins: B + 1 whole numbers from 0 to the total, never falling. A Tensor of floats is exact up to 2^24. */
type Offsets = Numbers;

interface LengthArguments {
  cuSeqlensQ: Offsets;
  cuSeqlensK: Offsets;
  /** The longest sequences, or more: only checked, since it follows from the offsets. */
  maxSeqlenQ: number;
  maxSeqlenK: number;
}

interface QkvLengthArguments {
  cuSeqlens: Offsets;
  /** The longest sequence, or more: only checked. */
  maxSeqlen: number;
}

interface PagedArguments extends LengthArguments {
  /** Pages of each sequence's keys, (B,maxPages): k and v are then (pages,pageSize,Hk,D|Dv), and there is no backward. */
  blockTable: Rows;
}

type Required<T, K extends keyof T> = OrNull<Omit<T, K> & FlashAttnArguments> & Pick<T, K>;
export type FlashAttnVarlenOptions = Required<PagedArguments, 'cuSeqlensQ' | 'cuSeqlensK'>;
export type FlashAttnVarlenKvpackedOptions = Required<LengthArguments, 'cuSeqlensQ' | 'cuSeqlensK'>;
export type FlashAttnVarlenQkvpackedOptions = Required<QkvLengthArguments, 'cuSeqlens'>;

/** Our names of what only keys in pages have. */
const PAGED_NAMES = { cacheSeqlens: 'cuSeqlensK', 'cache.k': 'k', 'cache.v': 'v' };

const LENGTHS = ['cuSeqlensQ', 'cuSeqlensK', 'maxSeqlenQ', 'maxSeqlenK'] as const;

/**
 * flash_attn_varlen_func of flash-attn 2: sequences of different lengths, one behind the other.
 *
 * @param q (totalQ,H,D)
 * @param k (totalK,Hk,D), H % Hk === 0
 * @param v (totalK,Hk,Dv)
 * @returns the result of flash.attentionVarlen: out (totalQ,H,Dv), lse (H,totalQ), backward
 * @throws (rejects) FlashError as flash.attention does
 */
export async function flashAttnVarlenFunc(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  options: FlashAttnVarlenOptions,
): Promise<WithProbabilities<VarlenResult>> {
  return withLists(options, ['cuSeqlensQ', 'cuSeqlensK', 'alibiSlopes', 'blockTable'], (given) => {
    const {
      options: shared,
      more,
      probabilities,
    } = translate<PagedArguments & FlashAttnArguments>(given, [...LENGTHS, 'blockTable']);
    const { blockTable, maxSeqlenQ, maxSeqlenK } = more;
    const { Nq, Nk, sequences } = checkSequences(more);
    checkLongest('maxSeqlenQ', maxSeqlenQ, Nq);
    checkLongest('maxSeqlenK', maxSeqlenK, Nk);
    const own = { ...shared, ...sequences };
    if (blockTable === undefined) {
      return withProbabilities(
        probabilities,
        renamed(FLASH_ATTN_NAMES, () => attentionVarlen(q, k, v, own)),
      );
    }
    if (probabilities) refuse('returnAttnProbs', true, 'expected false together with a blockTable.');
    const paged = { ...own, blockTable: blockTable as VarlenPagedOptions['blockTable'] };
    return renamed({ ...FLASH_ATTN_NAMES, ...PAGED_NAMES }, () => attentionVarlenPaged(q, k, v, paged));
  });
}

/**
 * flash_attn_varlen_qkvpacked_func of flash-attn 2; q, k and v are read where they are.
 *
 * @param qkv (total,3,H,D)
 * @returns out (total,H,D), lse (H,total); backward gives dqkv
 * @throws (rejects) FlashError as flash.attention does
 */
export async function flashAttnVarlenQkvpackedFunc(
  qkv: Tensor,
  options: FlashAttnVarlenQkvpackedOptions,
): Promise<WithProbabilities<Attended<QkvGradients>>> {
  return withLists(options, ['cuSeqlens', 'alibiSlopes'], (given) => {
    const translated = translate<QkvLengthArguments & FlashAttnArguments>(given, ['cuSeqlens', 'maxSeqlen']);
    return withProbabilities(
      translated.probabilities,
      renamed(FLASH_ATTN_NAMES, () => attendQkv(qkv, translated)),
    );
  });
}

async function attendQkv(
  qkv: Tensor,
  { options: own, more }: Translated<QkvLengthArguments & FlashAttnArguments>,
): Promise<Attended<QkvGradients>> {
  checkTensor('qkv', qkv, 4);
  const dtype = checkDtypes({ qkv });
  const [total, three, H, D] = qkv.shape;
  if (three !== 3) checkShape('qkv', qkv, [total, 3, H, D], '(q, k and v along the second axis)');
  checkHeadAxes('qkv', qkv);
  const offsets = checkOffsets('cuSeqlens', more.cuSeqlens, total, 'qkv');
  const N = longest(offsets);
  checkLongest('maxSeqlen', more.maxSeqlen, N);
  const call = checkCall(own, {
    ...{ B: offsets.length - 1, H, Hk: H, Nq: N, Nk: N, D, Dv: D },
    ...{ layout: 'bnhd', dtype, packing: 'qkv', sequences: { cuSeqlensQ: offsets, cuSeqlensK: offsets } },
  });
  const shapes = { out: [total, H, D], lse: [H, total], gradients: { dqkv: qkv.shape } };
  return attend<QkvGradients>(call, { q: qkv, k: qkv, v: qkv }, shapes);
}

/**
 * flash_attn_varlen_kvpacked_func of flash-attn 2; k and v are read where they are.
 *
 * @param q (totalQ,H,D)
 * @param kv (totalK,2,Hk,D), H % Hk === 0
 * @returns out (totalQ,H,D), lse (H,totalQ); backward gives dq and dkv
 * @throws (rejects) FlashError as flash.attention does
 */
export async function flashAttnVarlenKvpackedFunc(
  q: Tensor,
  kv: Tensor,
  options: FlashAttnVarlenKvpackedOptions,
): Promise<WithProbabilities<Attended<KvGradients>>> {
  return withLists(options, ['cuSeqlensQ', 'cuSeqlensK', 'alibiSlopes'], (given) => {
    const translated = translate<LengthArguments & FlashAttnArguments>(given, LENGTHS);
    return withProbabilities(
      translated.probabilities,
      renamed(FLASH_ATTN_NAMES, () => attendKv(q, kv, translated)),
    );
  });
}

async function attendKv(
  q: Tensor,
  kv: Tensor,
  { options: own, more }: Translated<LengthArguments & FlashAttnArguments>,
): Promise<Attended<KvGradients>> {
  checkTensor('q', q, 3);
  checkTensor('kv', kv, 4);
  const dtype = checkDtypes({ q, kv });
  const [totalQ, H, D] = q.shape;
  const [totalK, , Hk] = kv.shape;
  checkShape('kv', kv, [totalK, 2, Hk, D], `(k and v along the second axis, head size ${D} of q)`);
  checkHeadAxes('q', q);
  checkHeadAxes('kv', kv);
  const { sequences, B, Nq, Nk } = checkSequences(more, { q: totalQ, kv: totalK });
  checkLongest('maxSeqlenQ', more.maxSeqlenQ, Nq);
  checkLongest('maxSeqlenK', more.maxSeqlenK, Nk);
  const call = checkCall(own, {
    ...{ B, H, Hk, Nq, Nk, D, Dv: D },
    ...{ layout: 'bnhd', dtype, packing: 'kv', sequences },
  });
  const shapes = { out: [totalQ, H, D], lse: [H, totalQ], gradients: { dq: q.shape, dkv: kv.shape } };
  return attend<KvGradients>(call, { q, k: kv, v: kv }, shapes);
}
