import type { DeviceFacts } from '../device/device';
import type { Plan } from '../device/plan';
import { weightsPlan } from '../kernels/weights';
import { bindScope } from '../tensor/scope';
import { fromBuffer, Tensor } from '../tensor/tensor';
import { describe } from './describe';
import { FlashError } from './errors';
import { onDevice } from './on-device';
import type { AttentionOptions } from './options';
import type { Problem } from './problem';
import { checkAttention } from './validate';

/** Those of {@link attention}, so that a call's own may be handed on: p is shown before dropout, and made by one kernel. */
export type AttentionWeightsOptions = AttentionOptions;

/**
 * p = softmax of the scores of chosen queries: what they attend to. For looking at; attention itself never stores p.
 *
 * @param q (B,H,Nq,D)
 * @param k (B,Hk,Nk,D)
 * @param select.rows indices of queries, 0 .. Nq-1
 * @returns (B,H,rows.length,Nk) f32 in any layout; each row adds up to 1, or is 0 for a query with nothing to attend to
 * @throws (rejects) FlashError as {@link attention}
 */
export async function attentionWeights(
  q: Tensor,
  k: Tensor,
  options: AttentionWeightsOptions = {},
  select: { rows: readonly number[] | Int32Array | Uint32Array } = { rows: [] },
): Promise<Tensor> {
  const { problem } = checkAttention(q, k, k, options);
  const given: unknown = select?.rows;
  const rows = ArrayBuffer.isView(given) ? Array.from(given as Int32Array) : given;
  if (!Array.isArray(rows) || rows.length === 0) {
    throw new FlashError('INVALID_ARGUMENT', `rows: expected a list of queries, got ${describe(given)}.`);
  }
  const odd = rows.findIndex((i) => !Number.isInteger(i) || i < 0 || i >= problem.Nq);
  if (odd >= 0) {
    throw new FlashError(
      'INVALID_ARGUMENT',
      `rows: expected queries 0 to ${problem.Nq - 1}, got ${describe(rows[odd])}.`,
    );
  }
  return computeWeights(problem, { q, k, bias: options.bias, mask: options.mask }, rows, { ...options, signed: false });
}

/** The tensors that p is made of; where q and k are packed, each of them is the tensor that holds it. */
export type WeightsTensors = Readonly<Record<'q' | 'k', Tensor>> & { readonly bias?: Tensor; readonly mask?: Tensor };

/**
 * p (B,H,rows,Nk) of a checked problem, dense or of sequences, whose rows and columns without a query or key are 0.
 * @param options.signed whether what dropout drops is negative
 */
export async function computeWeights(
  problem: Problem,
  { q, k, bias, mask }: WeightsTensors,
  rows: readonly number[],
  { signed, ...options }: Pick<AttentionOptions, 'signal' | 'onProgress'> & { signed: boolean },
): Promise<Tensor> {
  const inScope = bindScope();
  // The kernel reads whole numbers: their bits travel in a tensor of floats, which nothing ever reads as such.
  const indices = new Tensor([rows.length], 'f32', new Float32Array(Uint32Array.from(rows).buffer));
  try {
    const tensors = { q, k, rows: indices, ...(bias ? { bias } : {}), ...(mask ? { mask } : {}) };
    const choose = (facts: DeviceFacts): Plan => weightsPlan(problem, facts, rows.length, signed);
    const { device, outputs } = await onDevice(tensors, choose, options);
    return inScope(() => fromBuffer(device, outputs.weights, [problem.B, problem.H, rows.length, problem.Nk]));
  } finally {
    indices.dispose();
  }
}
