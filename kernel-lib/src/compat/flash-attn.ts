import type { AttentionResult } from '../api/attention';
import { attentionKvPacked, attentionQkvPacked } from '../api/attention-packed';
import type { Tensor } from '../tensor/tensor';
import { type OrNull, renamed, withLists } from './arguments';
import { denseAttention } from './dense';
import {
  FLASH_ATTN_NAMES,
  type FlashAttnArguments,
  translate,
  withProbabilities,
  type WithProbabilities,
} from './flash-attn-arguments';

export type FlashAttnOptions = OrNull<FlashAttnArguments>;

/**
 * flash_attn_func of flash-attn 2 (Dao-AILab) with its semantics.
 *
 * @param q (B,Nq,H,D)
 * @param k (B,Nk,Hk,D), H % Hk === 0
 * @param v (B,Nk,Hk,Dv)
 * @returns the result of flash.attention: out (B,Nq,H,Dv), lse (B,H,Nq), backward. A query that sees nothing gives 0.
 * @throws (rejects) FlashError as flash.attention does
 */
export async function flashAttnFunc(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  options: FlashAttnOptions = {},
): Promise<WithProbabilities<AttentionResult>> {
  return withLists(options, ['alibiSlopes'], (given) => {
    const { options: own, probabilities } = translate(given);
    const call = { options: { ...own, layout: 'bnhd' as const }, names: FLASH_ATTN_NAMES };
    return withProbabilities(probabilities, denseAttention(q, k, v, call));
  });
}

/**
 * flash_attn_qkvpacked_func of flash-attn 2.
 *
 * @param qkv (B,N,3,H,D)
 * @returns out (B,N,H,D), lse (B,H,N); backward gives dqkv
 * @throws (rejects) FlashError as flash.attention does
 */
export async function flashAttnQkvpackedFunc(
  qkv: Tensor,
  options: FlashAttnOptions = {},
): Promise<WithProbabilities<Awaited<ReturnType<typeof attentionQkvPacked>>>> {
  return withLists(options, ['alibiSlopes'], (given) => {
    const { options: own, probabilities } = translate(given);
    return withProbabilities(
      probabilities,
      renamed(FLASH_ATTN_NAMES, () => attentionQkvPacked(qkv, own)),
    );
  });
}

/**
 * flash_attn_kvpacked_func of flash-attn 2.
 *
 * @param q (B,Nq,H,D)
 * @param kv (B,Nk,2,Hk,D), H % Hk === 0
 * @returns out (B,Nq,H,D), lse (B,H,Nq); backward gives dq and dkv
 * @throws (rejects) FlashError as flash.attention does
 */
export async function flashAttnKvpackedFunc(
  q: Tensor,
  kv: Tensor,
  options: FlashAttnOptions = {},
): Promise<WithProbabilities<Awaited<ReturnType<typeof attentionKvPacked>>>> {
  return withLists(options, ['alibiSlopes'], (given) => {
    const { options: own, probabilities } = translate(given);
    return withProbabilities(
      probabilities,
      renamed(FLASH_ATTN_NAMES, () => attentionKvPacked(q, kv, own)),
    );
  });
}
