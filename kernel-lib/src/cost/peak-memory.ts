import type { Algorithm } from '../api/options';
import type { Problem } from '../api/problem';
import { BYTES } from '../tensor/dtype';
import { sizeOf } from '../tensor/layout';
import { spans } from './spans';

const F32 = 4;

/**
 * Bytes of device memory of one pass, inputs and results included. Forward: q, k, v, bias, mask, out and lse, all linear in the
 * lengths but for bias and mask. Backward also dout, the gradients and, for FlashAttention, two numbers a row (lse and delta) as
 * its kernels read them. Naive attention keeps matrices of Nq x Nk float32 numbers for each head: one forward (S, which becomes
 * P), two backward (P, and dP which becomes dS), three with a soft cap. dbias of a float16 bias is summed in float32.
 */
export function peakBytes(problem: Problem, algorithm: Algorithm, pass: 'forward' | 'backward'): number {
  const { H, Hk, D, Dv, bias, mask, softcap } = problem;
  let [queries, keys, pairs] = [0, 0, 0];
  for (const { Nq, Nk, count } of spans(problem)) {
    queries += H * count * Nq;
    keys += Hk * count * Nk;
    pairs += H * count * Nq * Nk;
  }
  const inputs = BYTES[problem.dtype] * (queries * D + keys * (D + Dv));
  const out = BYTES[problem.dtype] * queries * Dv;
  const lse = F32 * queries;
  const biasBytes = bias ? BYTES[bias.dtype] * sizeOf(bias.shape) : 0;
  const maskBytes = mask ? BYTES[mask.dtype] * sizeOf(mask.shape) : 0;
  const matrix = algorithm === 'naive' ? F32 * pairs : 0;
  const forward = inputs + biasBytes + maskBytes + out + lse + matrix;
  if (pass === 'forward') return forward;
  const sums = bias?.dtype === 'f16' ? F32 * sizeOf(bias.shape) : 0;
  const scratch = algorithm === 'naive' ? (softcap > 0 ? 2 : 1) * matrix : 2 * lse;
  return forward + out + inputs + biasBytes + sums + scratch;
}
