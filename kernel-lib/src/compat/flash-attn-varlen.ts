import { attend, type Attended } from '../api/attend';
import { attentionVarlen, checkOffsets, checkVarlen, longest, type VarlenResult } from '../api/attention-varlen';
import type { KvGradients, QkvGradients } from '../api/attention-packed';
import { checkShape, checkTensor } from '../api/checks';
import { FlashError } from '../api/errors';
import { checkCall, checkDtypes } from '../api/validate';
import type { Tensor } from '../tensor/tensor';
import { type OrNull, refuse, renamed } from './arguments';
import { checkLongest, FLASH_ATTN_NAMES, type FlashAttnArguments, translate } from './flash-attn-arguments';

/** Where each sequence begins: B + 1 whole numbers from 0 to the total, never falling. */
type Offsets = readonly number[] | Int32Array;

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
  /** Refused: keys in pages are what flashAttnWithKvcache takes. */
  blockTable: readonly (readonly number[])[];
}

type Required<T, K extends keyof T> = OrNull<Omit<T, K> & FlashAttnArguments> & Pick<T, K>;
export type FlashAttnVarlenOptions = Required<PagedArguments, 'cuSeqlensQ' | 'cuSeqlensK'>;
export type FlashAttnVarlenKvpackedOptions = Required<LengthArguments, 'cuSeqlensQ' | 'cuSeqlensK'>;
export type FlashAttnVarlenQkvpackedOptions = Required<QkvLengthArguments, 'cuSeqlens'>;

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
): Promise<VarlenResult> {
  const { options: shared, more } = translate<PagedArguments & FlashAttnArguments>(options, [...LENGTHS, 'blockTable']);
  refuse('blockTable', more.blockTable, 'expected none; flash.compat.flashAttnWithKvcache attends to keys in pages.');
  const own = { ...shared, cuSeqlensQ: more.cuSeqlensQ!, cuSeqlensK: more.cuSeqlensK! };
  return renamed(FLASH_ATTN_NAMES, async () => {
    const { problem } = checkVarlen(q, k, v, own);
    checkLongest('maxSeqlenQ', more.maxSeqlenQ, problem.Nq);
    checkLongest('maxSeqlenK', more.maxSeqlenK, problem.Nk);
    return attentionVarlen(q, k, v, own);
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
): Promise<Attended<QkvGradients>> {
  const translated = translate<QkvLengthArguments & FlashAttnArguments>(options, ['cuSeqlens', 'maxSeqlen']);
  const { options: own, more } = translated;
  return renamed(FLASH_ATTN_NAMES, async () => {
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
  });
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
): Promise<Attended<KvGradients>> {
  const { options: own, more } = translate<LengthArguments & FlashAttnArguments>(options, LENGTHS);
  return renamed(FLASH_ATTN_NAMES, async () => {
    checkTensor('q', q, 3);
    checkTensor('kv', kv, 4);
    const dtype = checkDtypes({ q, kv });
    const [totalQ, H, D] = q.shape;
    const [totalK, , Hk] = kv.shape;
    checkShape('kv', kv, [totalK, 2, Hk, D], `(k and v along the second axis, head size ${D} of q)`);
    checkHeadAxes('q', q);
    checkHeadAxes('kv', kv);
    const cuSeqlensQ = checkOffsets('cuSeqlensQ', more.cuSeqlensQ, totalQ, 'q');
    const cuSeqlensK = checkOffsets('cuSeqlensK', more.cuSeqlensK, totalK, 'kv');
    const B = cuSeqlensQ.length - 1;
    if (cuSeqlensK.length !== B + 1) {
      throw new FlashError(
        'SHAPE',
        `cuSeqlensK: expected ${B + 1} offsets, as many as cuSeqlensQ, got ${cuSeqlensK.length}.`,
      );
    }
    const [Nq, Nk] = [longest(cuSeqlensQ), longest(cuSeqlensK)];
    checkLongest('maxSeqlenQ', more.maxSeqlenQ, Nq);
    checkLongest('maxSeqlenK', more.maxSeqlenK, Nk);
    const call = checkCall(own, {
      ...{ B, H, Hk, Nq, Nk, D, Dv: D },
      ...{ layout: 'bnhd', dtype, packing: 'kv', sequences: { cuSeqlensQ, cuSeqlensK } },
    });
    const shapes = { out: [totalQ, H, D], lse: [H, totalQ], gradients: { dq: q.shape, dkv: kv.shape } };
    return attend<KvGradients>(call, { q, k: kv, v: kv }, shapes);
  });
}

function checkHeadAxes(name: string, { shape }: Tensor): void {
  if (shape.slice(-2).some((n) => n < 1)) {
    throw new FlashError('SHAPE', `${name}: expected at least one head of size 1, got (${shape.join(',')}).`);
  }
}
