import type { Problem } from '../api/problem';
import { float32, float64, type Arithmetic, type Values } from './arithmetic';
import { placeOfRow, rowCount, softmaxOfRow } from './row';

export interface ForwardReference {
  /** (B,H,Nq,Dv), or (rows.length,Dv) where rows were chosen. */
  out: Float64Array;
  /** (B,H,Nq), or (rows.length): natural logarithm of the sum of exp(s), -Infinity for a row with nothing to attend to. */
  lse: Float64Array;
  /** The largest |s| of all visible scores of these rows; the allowed error depends on it. */
  maxAbsScore: number;
}

/**
 * Attention in float64: the truth that every kernel is compared with. Plain formulas, O(Nq * Nk) time, no tiling.
 *
 * Arrays are contiguous in 'bhnd' order whatever `problem.layout` says: q (B,H,Nq,D), k (B,Hk,Nk,D), v (B,Hk,Nk,Dv).
 * `rows` chooses query rows by their index in (B,H,Nq) (see sampleRows); without it all rows are computed.
 */
export function referenceForward(
  problem: Problem,
  q: Values,
  k: Values,
  v: Values,
  rows?: ArrayLike<number>,
): ForwardReference {
  return forward(problem, float64, q, k, v, rows);
}

/** The same formulas with every operation rounded to float32: how wrong plain float32 attention is on this input. */
export function yardstickForward(
  problem: Problem,
  q: Values,
  k: Values,
  v: Values,
  rows?: ArrayLike<number>,
): ForwardReference {
  return forward(problem, float32, q, k, v, rows);
}

function forward(
  problem: Problem,
  arithmetic: Arithmetic,
  qIn: Values,
  kIn: Values,
  vIn: Values,
  rows?: ArrayLike<number>,
): ForwardReference {
  const { Nk, Dv } = problem;
  const [q, k, v] = [arithmetic.input(qIn), arithmetic.input(kIn), arithmetic.input(vIn)];
  const count = rows?.length ?? rowCount(problem);
  const out = new Float64Array(count * Dv);
  const lse = new Float64Array(count);
  const p = new Float64Array(Nk);
  let maxAbsScore = 0;
  for (let r = 0; r < count; r++) {
    const place = placeOfRow(problem, rows ? rows[r] : r);
    const softmax = softmaxOfRow(problem, arithmetic, q, k, place, p);
    lse[r] = softmax.lse;
    maxAbsScore = Math.max(maxAbsScore, softmax.maxAbsScore);
    arithmetic.addWeightedRows(out, r * Dv, p, v, place.v, Nk, Dv);
  }
  return { out, lse, maxAbsScore };
}
