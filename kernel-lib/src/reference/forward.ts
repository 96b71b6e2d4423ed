import type { Problem } from '../api/problem';
import { float16, float32, float64, type Arithmetic } from './arithmetic';
import { placeOfRow, rowCount } from './place';
import { dropRow, roundInputs, softmaxOfRow, type ReferenceInputs } from './row';

export interface ForwardReference {
  /** (B,H,Nq,Dv) or, for packed sequences, (totalQ,H,Dv); (rows.length,Dv) where rows were chosen. */
  out: Float64Array;
  /**
   * (B,H,Nq) or, for packed sequences, (H,totalQ); (rows.length) where rows were chosen: natural logarithm of the sum of
   * exp(s), -Infinity for a row with nothing to attend to.
   */
  lse: Float64Array;
  /** The largest |s| of all finite scores before softmax of these rows; the allowed error depends on it. */
  maxAbsScore: number;
}

/**
 * Attention in float64: the truth that every kernel is compared with. Plain formulas, O(Nq * Nk) time, no tiling.
 *
 * Dense arrays are contiguous in 'bhnd' order whatever `problem.layout` says: q (B,H,Nq,D), k (B,Hk,Nk,D), v (B,Hk,Nk,Dv).
 * With `problem.sequences` they are q (totalQ,H,D), k (totalK,Hk,D), v (totalK,Hk,Dv). `rows` chooses query rows by their
 * index in lse (see sampleRows); without it all rows are computed.
 */
export function referenceForward(
  problem: Problem,
  inputs: ReferenceInputs,
  rows?: ArrayLike<number>,
): ForwardReference {
  return forward(problem, float64, inputs, rows);
}

/**
 * The same formulas with every operation rounded to float32 and, for a float16 problem, what is stored to float16: how wrong
 * plain attention of that precision is on this input.
 */
export function yardstickForward(
  problem: Problem,
  inputs: ReferenceInputs,
  rows?: ArrayLike<number>,
): ForwardReference {
  return forward(problem, problem.dtype === 'f16' ? float16 : float32, inputs, rows);
}

function forward(
  problem: Problem,
  arithmetic: Arithmetic,
  given: ReferenceInputs,
  rows?: ArrayLike<number>,
): ForwardReference {
  const { Nk, Dv } = problem;
  const inputs = roundInputs(arithmetic, given);
  const count = rows?.length ?? rowCount(problem);
  const out = new Float64Array(count * Dv);
  const lse = new Float64Array(count);
  const p = new Float64Array(Nk);
  let maxAbsScore = 0;
  for (let r = 0; r < count; r++) {
    const row = placeOfRow(problem, rows ? rows[r] : r);
    const softmax = softmaxOfRow(problem, arithmetic, inputs, row, p);
    lse[r] = softmax.lse;
    maxAbsScore = Math.max(maxAbsScore, softmax.maxAbsScore);
    dropRow(problem, arithmetic, row, p);
    arithmetic.addWeightedRows(out, rows ? r * Dv : row.out, p, inputs.v, row.v, row.vStride, row.count, Dv);
  }
  return { out: out.map(arithmetic.store), lse, maxAbsScore };
}
