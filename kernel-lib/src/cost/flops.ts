import type { Problem } from '../api/problem';
import { keyBegin, keyEnd } from '../features/band';
import { spans, type SpanSizes } from './spans';

type PairSizes = SpanSizes & Pick<Problem, 'H'>;
export type WorkSizes = PairSizes & Pick<Problem, 'D' | 'Dv'>;

/** Pairs (b, h, i, j) of a query and a key that the band lets it see. Mask and bias, which hide single pairs, do not count. */
export function visiblePairs(problem: PairSizes): number {
  let pairs = 0;
  for (const span of spans(problem)) {
    for (let i = 0; i < span.Nq; i++) pairs += span.count * Math.max(0, keyEnd(span, i) - keyBegin(span, i));
  }
  return problem.H * pairs;
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
