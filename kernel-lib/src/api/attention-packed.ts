import type { Tensor } from '../tensor/tensor';
import { attend, type Attended } from './attend';
import { checkNames, checkShape, checkTensor } from './checks';
import type { AttentionInfo } from './on-device';
import type { AttentionOptions } from './options';
import { checkCall, checkDtypes, checkFilled, OPTION_NAMES } from './validate';

/** Options of the packed calls; the axes are always (B,N,…,H,D). */
export type PackedOptions = Omit<AttentionOptions, 'layout'>;

interface PackedResult<G> extends Attended<G> {
  /** (B,Nq,H,D); 0 for a query with nothing to attend to. */
  readonly out: Tensor;
  /** (B,H,Nq); -Infinity for a query with nothing to attend to. */
  readonly lse: Tensor;
}

export interface QkvGradients {
  /** Gradient of qkv, in its shape and dtype. */
  readonly dqkv: Tensor;
  readonly dbias?: Tensor;
  readonly info: AttentionInfo;
}

export interface KvGradients {
  readonly dq: Tensor;
  /** Gradient of kv, in its shape and dtype. */
  readonly dkv: Tensor;
  readonly dbias?: Tensor;
  readonly info: AttentionInfo;
}

/**
 * Self-attention over q, k and v in one tensor, as one projection leaves them: read where they are, and one gradient.
 *
 * @param qkv (B,N,3,H,D), f32 or f16
 * @returns out (B,N,H,D), lse (B,H,N); backward gives dqkv
 * @throws (rejects) FlashError as attention does
 */
export async function attentionQkvPacked(
  qkv: Tensor,
  options: PackedOptions = {},
): Promise<PackedResult<QkvGradients>> {
  checkNames(options, OPTION_NAMES);
  checkTensor('qkv', qkv, 5);
  const dtype = checkDtypes({ qkv });
  const [B, N, three, H, D] = qkv.shape;
  checkFilled('qkv', qkv);
  if (three !== 3) checkShape('qkv', qkv, [B, N, 3, H, D], '(q, k and v along the third axis)');
  const call = checkCall(
    options,
    {
      ...{ B, H, Hk: H, Nq: N, Nk: N, D, Dv: D },
      ...{ layout: 'bnhd', dtype, packing: 'qkv', sequences: null },
    },
    { q: 'qkv', k: 'qkv', v: 'qkv' },
  );
  const { bias, mask } = options;
  return attend<QkvGradients>(
    call,
    { q: qkv, k: qkv, v: qkv, bias, mask },
    { out: [B, N, H, D], lse: [B, H, N], gradients: { dqkv: qkv.shape, ...(bias ? { dbias: bias.shape } : {}) } },
  );
}

/**
 * Attention with k and v in one tensor.
 *
 * @param q (B,Nq,H,D), f32 or f16
 * @param kv (B,Nk,2,Hk,D)
 * @returns out (B,Nq,H,D), lse (B,H,Nq); backward gives dq and dkv
 * @throws (rejects) FlashError as attention does
 */
export async function attentionKvPacked(
  q: Tensor,
  kv: Tensor,
  options: PackedOptions = {},
): Promise<PackedResult<KvGradients>> {
  checkNames(options, OPTION_NAMES);
  checkTensor('q', q, 4);
  checkTensor('kv', kv, 5);
  checkFilled('q', q);
  checkFilled('kv', kv);
  const dtype = checkDtypes({ q, kv });
  const [B, Nq, H, D] = q.shape;
  const [, Nk, , Hk] = kv.shape;
  checkShape('kv', kv, [B, Nk, 2, Hk, D], `(batch ${B} and head size ${D} of q; k and v along the third axis)`);
  const call = checkCall(
    options,
    {
      ...{ B, H, Hk, Nq, Nk, D, Dv: D },
      ...{ layout: 'bnhd', dtype, packing: 'kv', sequences: null },
    },
    { q: 'q', k: 'kv', v: 'kv' },
  );
  const { bias, mask } = options;
  return attend<KvGradients>(
    call,
    { q, k: kv, v: kv, bias, mask },
    {
      out: [B, Nq, H, D],
      lse: [B, H, Nq],
      gradients: { dq: q.shape, dkv: kv.shape, ...(bias ? { dbias: bias.shape } : {}) },
    },
  );
}
