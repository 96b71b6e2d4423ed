import type { Problem } from '../api/problem';

type PairSizes = Pick<Problem, 'B' | 'H' | 'Nq' | 'Nk' | 'causal'>;
type WorkSizes = PairSizes & Pick<Problem, 'D' | 'Dv'>;

/** Pairs (b, h, i, j) of a query and a key that it sees. Causal: j <= i + Nk - Nq, so the last row sees all keys. */
export function visiblePairs({ B, H, Nq, Nk, causal }: PairSizes): number {
  if (!causal) return B * H * Nq * Nk;
  // Row i sees i + Nk - Nq + 1 keys, none where that is not positive: an arithmetic series that ends at Nk.
  const rows = Math.min(Nq, Nk);
  return (B * H * rows * (2 * Nk - rows + 1)) / 2;
}

/**
 * Floating-point operations of the forward pass by the count that papers use: the two products q k^T and p v, two
 * operations (multiply, add) for each visible pair and column. 4*B*H*Nq*Nk*D where D = Dv and nothing is masked; softmax
 * is not counted.
 */
export function forwardFlops(problem: WorkSizes): number {
  return 2 * visiblePairs(problem) * (problem.D + problem.Dv);
}

/**
 * Floating-point operations of the backward pass by the same count: five products (q k^T again, dout v^T, p^T dout, ds k,
 * ds^T q), so 2.5 times the forward pass where D = Dv. An algorithm that does more work than that (separate kernels for dq
 * and for dk, dv take seven products) is not credited for it.
 */
export function backwardFlops(problem: WorkSizes): number {
  return 2 * visiblePairs(problem) * (3 * problem.D + 2 * problem.Dv);
}
