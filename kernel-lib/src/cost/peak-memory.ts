import type { Problem } from '../api/problem';

type Sizes = Pick<Problem, 'B' | 'H' | 'Hk' | 'Nq' | 'Nk' | 'D' | 'Dv'>;

const F32 = 4;

/**
 * Bytes of device memory of one pass in f32, inputs and results included. FlashAttention: q, k, v, out and lse; backward
 * also dout, delta, dq, dk and dv: all linear in the lengths. Naive attention keeps matrices of Nq x Nk numbers for each
 * head beside q, k, v, out and lse: one forward (S, which becomes P), two backward (P, and dP which becomes dS).
 */
export function peakBytes(sizes: Sizes, naive: boolean, pass: 'forward' | 'backward'): number {
  const { B, H, Hk, Nq, Nk, D, Dv } = sizes;
  const rows = B * H * Nq;
  const inputs = rows * D + B * Hk * Nk * (D + Dv);
  const out = rows * Dv;
  const matrix = naive ? rows * Nk : 0;
  if (pass === 'forward') return F32 * (inputs + out + rows + matrix);
  // The row sums (delta) that FlashAttention's backward needs are as large as lse; naive attention computes them in place.
  return F32 * (2 * inputs + 2 * out + (naive ? 1 : 2) * rows + 2 * matrix);
}
