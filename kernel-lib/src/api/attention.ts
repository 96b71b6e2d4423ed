import type { DeviceFacts } from '../device/device';
import type { Plan } from '../device/plan';
import { shapeOf } from '../tensor/layout';
import { bindScope, OWNED } from '../tensor/scope';
import { fromBuffer, type Tensor } from '../tensor/tensor';
import { chooseBackward, chooseForward } from './choose-path';
import { type AttentionInfo, type Made, onDevice } from './on-device';
import type { AttentionOptions } from './options';
import type { Problem } from './problem';
import { referenceAttention } from './reference-attention';
import { checkAttention, type CheckedCall, checkNames, checkRunOptions, checkShape, checkTensor } from './validate';

export interface AttentionGradients {
  /** Gradient of q, in q's shape. */
  readonly dq: Tensor;
  /** Gradient of k, in k's shape, summed over the query heads of a group. */
  readonly dk: Tensor;
  /** Gradient of v, in v's shape. */
  readonly dv: Tensor;
  readonly info: AttentionInfo;
}

/** Options of `backward`. */
export type BackwardOptions = Pick<AttentionOptions, 'signal' | 'onProgress'>;

export interface AttentionResult {
  /** (B,H,Nq,Dv), or (B,Nq,H,Dv) with layout 'bnhd'; 0 for a query with nothing to attend to. */
  readonly out: Tensor;
  /** (B,H,Nq) in any layout: natural logarithm of sum(exp(s)); -Infinity for a query with nothing to attend to. */
  readonly lse: Tensor;
  readonly info: AttentionInfo;
  /**
   * Gradients of q, k and v for the gradient `dout` of out (same shape), by recomputation from lse. May be called again;
   * the gradients are the caller's.
   * @throws FlashError SHAPE, DISPOSED (q, k, v, out and lse must still live), OUT_OF_MEMORY, DEVICE_LOST
   */
  backward(dout: Tensor, options?: BackwardOptions): Promise<AttentionGradients>;
  /** Frees out, lse and scratch, never the inputs. */
  dispose(): void;
}

/**
 * Scaled dot-product attention: out = softmax(scale q k^T) v, by FlashAttention-2 unless told otherwise (Dao 2023,
 * https://arxiv.org/abs/2307.08691).
 *
 * @param q (B,H,Nq,D)
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
  const inScope = bindScope();
  if (call.algorithm === 'reference') return referenceAttention(call, { q, k, v }, inScope);
  const { problem, algorithm, tiles } = call;
  const gpuCall = { problem, algorithm, tiles };
  const shape = shapeOf(problem.layout, problem.B, problem.H, problem.Nq, problem.Dv);
  const made = await onDevice({ q, k, v }, (facts) => chooseForward(gpuCall, facts), call);
  const { outputs, info } = made;
  return inScope(() => {
    const { out: outBuffer, lse: lseBuffer, ...kept } = outputs;
    const out = fromBuffer(made.device, outBuffer, shape);
    const lse = fromBuffer(made.device, lseBuffer, [problem.B, problem.H, problem.Nq]);
    // What naive keeps for its backward lives in tensors too, so that the garbage collector frees it in the end.
    const saved = Object.fromEntries(
      Object.entries(kept).map(([name, buffer]) => [name, fromBuffer(made.device, buffer, [buffer.size / 4])]),
    );
    return {
      [OWNED]: Object.values(saved),
      out,
      lse,
      info,
      ...backwardOf(call, { q, k, v, out, lse, ...saved }, (facts) => chooseBackward(gpuCall, facts)),
      dispose: () => [out, lse, ...Object.values(saved)].forEach((t) => t.dispose()),
    };
  });
}

/** The `backward` of a result. */
function backwardOf(
  { problem }: CheckedCall,
  tensors: Readonly<Record<'q' | 'k' | 'v' | 'out' | 'lse', Tensor>>,
  choose: (facts: DeviceFacts) => Plan,
): Pick<AttentionResult, 'backward'> {
  return {
    backward: async (dout, options = {}) => {
      checkBackward(dout, tensors.out, options);
      for (const [name, t] of Object.entries(tensors)) checkTensor(name, t);
      const inScope = bindScope();
      const made = await onDevice({ ...tensors, dout }, choose, options);
      return inScope(() => gradients(problem, made));
    },
  };
}

/** Checks the arguments of a backward call. */
export function checkBackward(dout: unknown, out: Tensor, options: BackwardOptions): void {
  checkNames(options, ['signal', 'onProgress']);
  checkRunOptions(options);
  checkTensor('dout', dout);
  checkShape('dout', dout, out.shape, '(that of out)');
}

function gradients(p: Problem, { device, outputs, info }: Made): AttentionGradients {
  return {
    dq: fromBuffer(device, outputs.dq, shapeOf(p.layout, p.B, p.H, p.Nq, p.D)),
    dk: fromBuffer(device, outputs.dk, shapeOf(p.layout, p.B, p.Hk, p.Nk, p.D)),
    dv: fromBuffer(device, outputs.dv, shapeOf(p.layout, p.B, p.Hk, p.Nk, p.Dv)),
    info,
  };
}
