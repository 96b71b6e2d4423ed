import { shapeOf } from '../tensor/layout';
import type { Tensor } from '../tensor/tensor';
import { attend, type Attended } from './attend';
import type { AttentionInfo } from './on-device';
import type { AttentionOptions } from './options';
import type { Problem } from './problem';
import { checkAttention } from './validate';

export type { BackwardOptions } from './attend';

export interface AttentionGradients {
  /** Gradient of q, in q's shape and dtype. */
  readonly dq: Tensor;
  /** Gradient of k, in k's shape and dtype, summed over the query heads of a group. */
  readonly dk: Tensor;
  /** Gradient of v, in v's shape and dtype. */
  readonly dv: Tensor;
  /** Gradient of bias, in its shape and dtype: summed over the axes that were broadcast. Only where there was a bias. */
  readonly dbias?: Tensor;
  readonly info: AttentionInfo;
}

export interface AttentionResult extends Attended<AttentionGradients> {
  /** (B,H,Nq,Dv), or (B,Nq,H,Dv) with layout 'bnhd'; 0 for a query with nothing to attend to. */
  readonly out: Tensor;
  /** (B,H,Nq) in any layout: natural logarithm of sum(exp(s)); -Infinity for a query with nothing to attend to. */
  readonly lse: Tensor;
  /**
   * Gradients of q, k, v and bias for the gradient `dout` of out (same shape and dtype), by recomputation from lse. May be called
   * again; the gradients are the caller's.
   * @throws FlashError SHAPE, DTYPE, DISPOSED (the inputs, out and lse must still live), OUT_OF_MEMORY, DEVICE_LOST
   */
  backward: Attended<AttentionGradients>['backward'];
  /** Frees out, lse and scratch, never the inputs. */
  dispose(): void;
}

/**
 * Scaled dot-product attention: out = softmax(scale q k^T) v, by FlashAttention-2 unless told otherwise (Dao 2023,
 * https://arxiv.org/abs/2307.08691).
 *
 * @param q (B,H,Nq,D), f32 or f16
 * @param k (B,Hk,Nk,D) with H % Hk === 0: query head h reads head floor(h*Hk/H) (multi-query and grouped-query attention)
 * @param v (B,Hk,Nk,Dv)
 * @returns out (B,H,Nq,Dv), lse (B,H,Nq), what was done, and the backward pass
 * @throws (rejects) FlashError INVALID_ARGUMENT, SHAPE, DTYPE, DISPOSED, UNSUPPORTED before anything runs; OUT_OF_MEMORY,
 *   DEVICE_LOST; the reason of `options.signal` when that is aborted
 * @example
 * const { out, backward } = await flash.attention(q, k, v, { causal: true });
 * const { dq, dk, dv } = await backward(flash.randn(out.shape));
 */
export async function attention(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  options: AttentionOptions = {},
): Promise<AttentionResult> {
  const call = checkAttention(q, k, v, options);
  const { bias, mask } = options;
  return attend<AttentionGradients>(call, { q, k, v, bias, mask }, denseShapes(call.problem, q, k, v, bias));
}

export function denseShapes(p: Problem, q: Tensor, k: Tensor, v: Tensor, bias?: Tensor): Parameters<typeof attend>[2] {
  return {
    out: shapeOf(p.layout, p.B, p.H, p.Nq, p.Dv),
    lse: [p.B, p.H, p.Nq],
    gradients: { dq: q.shape, dk: k.shape, dv: v.shape, ...(bias ? { dbias: bias.shape } : {}) },
  };
}
