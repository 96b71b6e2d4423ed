import type { Problem } from '../api/problem';
import type { Arithmetic, Values } from './arithmetic';

/** Where one query row lies: its head, its place among the queries, and the offsets of its data in 'bhnd' arrays. */
export interface RowPlace {
  i: number;
  /** Offset of the query (D numbers). */
  q: number;
  /** Offset of the row of out or dout (Dv numbers). */
  out: number;
  /** Offset of the first key of the head that this query head reads. */
  k: number;
  /** Offset of the first value of that head. */
  v: number;
}

/** Number of query rows; row r is query r % Nq of head floor(r / Nq) % H of batch floor(r / Nq / H). */
export function rowCount(problem: Problem): number {
  return problem.B * problem.H * problem.Nq;
}

export function placeOfRow(problem: Problem, row: number): RowPlace {
  const { H, Hk, Nq, Nk, D, Dv } = problem;
  const i = row % Nq;
  const head = Math.floor(row / Nq);
  const keyHead = Math.floor(head / H) * Hk + Math.floor(((head % H) * Hk) / H);
  return { i, q: row * D, out: row * Dv, k: keyHead * Nk * D, v: keyHead * Nk * Dv };
}

/** The truth has its own copy of the causal rule, so that an error in the kernels' rule shows. */
function isVisible(problem: Problem, i: number, j: number): boolean {
  return !problem.causal || j <= i + problem.Nk - problem.Nq;
}

/** What softmax leaves of one row besides p: its log-sum-exp (-Infinity for an empty row) and its largest |score|. */
export interface SoftmaxOfRow {
  lse: number;
  maxAbsScore: number;
}

/**
 * Fills p (Nk) with the softmax of one row of scores, s = scale * q.k, in the textbook's order: scores, maximum, exp(s - m),
 * sum, quotient. p of an empty row is 0.
 */
export function softmaxOfRow(
  problem: Problem,
  arithmetic: Arithmetic,
  q: Values,
  k: Values,
  place: RowPlace,
  p: Float64Array,
): SoftmaxOfRow {
  const { Nk, D } = problem;
  const scale = arithmetic.round(problem.scale);
  arithmetic.dots(p, q, place.q, k, place.k, Nk, D);
  let m = -Infinity;
  let maxAbsScore = 0;
  for (let j = 0; j < Nk; j++) {
    if (!isVisible(problem, place.i, j)) {
      p[j] = -Infinity;
      continue;
    }
    const s = arithmetic.round(scale * p[j]);
    p[j] = s;
    m = Math.max(m, s);
    maxAbsScore = Math.max(maxAbsScore, Math.abs(s));
  }
  if (m === -Infinity) {
    p.fill(0);
    return { lse: -Infinity, maxAbsScore };
  }
  let sum = 0;
  for (let j = 0; j < Nk; j++) {
    p[j] = arithmetic.round(Math.exp(arithmetic.round(p[j] - m)));
    sum = arithmetic.round(sum + p[j]);
  }
  for (let j = 0; j < Nk; j++) p[j] = arithmetic.round(p[j] / sum);
  return { lse: arithmetic.round(m + arithmetic.round(Math.log(sum))), maxAbsScore };
}
