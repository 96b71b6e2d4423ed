import type { Algorithm } from '../api/options';
import type { Problem } from '../api/problem';
import { BYTES } from '../tensor/dtype';
import { sizeOf } from '../tensor/layout';
import { spans } from './spans';

const F32 = 4;

/** Numbers (float32) that a pass keeps in device memory beside inputs and results. */
function scratchNumbers(
  { D, Dv, dtype, bias: given, softcap }: Problem,
  algorithm: Algorithm,
  pass: 'forward' | 'backward',
  { queries, pairs }: { queries: number; pairs: number },
): number {
  const half = dtype === 'f16';
  // A bias that is the same for all keys of a query has no gradient to sum up.
  const bias = given && given.shape[3] > 1 ? given : null;
  const sums = pass === 'backward' && bias?.dtype === 'f16' ? sizeOf(bias.shape) : 0;
  switch (algorithm) {
    case 'naive':
      // S, which becomes P and stays for the backward; there dP, which becomes dS, and with a soft cap S again.
      return pass === 'forward' ? pairs : (softcap > 0 ? 3 : 2) * pairs + sums;
    case 'flash1':
      // l and m; what is summed up in device memory is float32. dbias comes by the way of FlashAttention-2.
      return pass === 'forward'
        ? 2 * queries + (half ? queries * Dv : 0)
        : (half ? queries * D : 0) + (bias ? 2 * queries : 0) + sums;
    case 'flash2':
      // lse and delta, side by side.
      return pass === 'forward' ? 0 : 2 * queries + sums;
    case 'reference':
      return 0;
  }
}

/**
 * Bytes of device memory of one pass: q, k, v, bias, mask, out and lse, backward also dout, dq, dk, dv and dbias, and what the
 * algorithm keeps beside them. FlashAttention is linear in the lengths, but for bias and mask; naive attention keeps matrices
 * of Nq x Nk float32 numbers for each head.
 */
export function peakBytes(problem: Problem, algorithm: Algorithm, pass: 'forward' | 'backward'): number {
  const { H, Hk, D, Dv, bias, mask } = problem;
  let [queries, keys, pairs] = [0, 0, 0];
  for (const { Nq, Nk, count } of spans(problem)) {
    queries += H * count * Nq;
    keys += Hk * count * Nk;
    pairs += H * count * Nq * Nk;
  }
  const inputs = BYTES[problem.dtype] * (queries * D + keys * (D + Dv));
  const out = BYTES[problem.dtype] * queries * Dv;
  const operands = [bias, mask].map((one) => (one ? BYTES[one.dtype] * sizeOf(one.shape) : 0));
  const own = F32 * scratchNumbers(problem, algorithm, pass, { queries, pairs });
  const forward = inputs + operands[0] + operands[1] + out + F32 * queries;
  return forward + own + (pass === 'forward' ? 0 : inputs + out + operands[0]);
}
