import type { Problem } from '../api/problem';
import { float32, float64, type Arithmetic, type Values } from './arithmetic';
import { placeOfRow, rowCount, softmaxOfRow } from './row';

export interface BackwardReference {
  /** (B,H,Nq,D), or (rows.length,D) where rows were chosen. */
  dq: Float64Array;
  /** (B,Hk,Nk,D): the sum over the query rows that were computed. */
  dk: Float64Array;
  /** (B,Hk,Nk,Dv): the sum over the query rows that were computed. */
  dv: Float64Array;
  /** The largest |s| of all visible scores of these rows. */
  maxAbsScore: number;
}

/**
 * Gradients of sum(out * dout) in float64, by the textbook: dv = p^T dout, dp = dout v^T, ds = p * (dp - delta) with
 * delta = sum(dout * out), dq = scale ds k, dk = scale ds^T q.
 *
 * Arrays are contiguous in 'bhnd' order whatever `problem.layout` says; dout is (B,H,Nq,Dv). With `rows` only those query
 * rows are computed: dk and dv are then complete only if dout is 0 in all other rows, which `keepRows` makes true.
 */
export function referenceBackward(
  problem: Problem,
  q: Values,
  k: Values,
  v: Values,
  dout: Values,
  rows?: ArrayLike<number>,
): BackwardReference {
  return backward(problem, float64, q, k, v, dout, rows);
}

/** The same formulas with every operation rounded to float32: how wrong plain float32 gradients are on this input. */
export function yardstickBackward(
  problem: Problem,
  q: Values,
  k: Values,
  v: Values,
  dout: Values,
  rows?: ArrayLike<number>,
): BackwardReference {
  return backward(problem, float32, q, k, v, dout, rows);
}

function backward(
  problem: Problem,
  arithmetic: Arithmetic,
  qIn: Values,
  kIn: Values,
  vIn: Values,
  doutIn: Values,
  rows?: ArrayLike<number>,
): BackwardReference {
  const { B, Hk, Nk, D, Dv } = problem;
  const [q, k, v, dout] = [qIn, kIn, vIn, doutIn].map((x) => arithmetic.input(x)) as [Values, Values, Values, Values];
  const { round } = arithmetic;
  const scale = round(problem.scale);
  const count = rows?.length ?? rowCount(problem);
  const dq = new Float64Array(count * D);
  const dk = new Float64Array(B * Hk * Nk * D);
  const dv = new Float64Array(B * Hk * Nk * Dv);
  const p = new Float64Array(Nk);
  const ds = new Float64Array(Nk);
  const out = new Float64Array(Dv);
  const delta = new Float64Array(1);
  let maxAbsScore = 0;
  for (let r = 0; r < count; r++) {
    const place = placeOfRow(problem, rows ? rows[r] : r);
    const softmax = softmaxOfRow(problem, arithmetic, q, k, place, p);
    maxAbsScore = Math.max(maxAbsScore, softmax.maxAbsScore);
    out.fill(0);
    arithmetic.addWeightedRows(out, 0, p, v, place.v, Nk, Dv);
    arithmetic.dots(delta, dout, place.out, out, 0, 1, Dv);
    arithmetic.dots(ds, dout, place.out, v, place.v, Nk, Dv);
    for (let j = 0; j < Nk; j++) {
      // Nothing flows through a forbidden key, whatever its value holds.
      ds[j] = p[j] === 0 ? 0 : round(scale * round(p[j] * round(ds[j] - delta[0])));
    }
    arithmetic.addWeightedRows(dq, r * D, ds, k, place.k, Nk, D);
    arithmetic.addOuter(dk, place.k, ds, q, place.q, Nk, D);
    arithmetic.addOuter(dv, place.v, p, dout, place.out, Nk, Dv);
  }
  return { dq, dk, dv, maxAbsScore };
}
