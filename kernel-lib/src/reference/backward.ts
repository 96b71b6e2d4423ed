import type { Problem } from '../api/problem';
import { sizeOf } from '../tensor/layout';
import { float16, float32, float64, type Arithmetic, type Values } from './arithmetic';
import { keyRowCount, operandRow, placeOfRow, rowCount, type Row } from './place';
import { dropRow, roundInputs, softmaxOfRow, type ReferenceInputs } from './row';

/** The gradients that queries share: each query row adds to them. */
export interface GradientSums {
  /** In k's order: the sum over the query rows that were computed. */
  dk: Float64Array;
  /** In v's order: likewise. */
  dv: Float64Array;
  /** In bias's shape: likewise, and summed over its broadcast axes. Empty without a bias. */
  dbias: Float64Array;
}

export interface BackwardReference extends GradientSums {
  /** In q's order; (rows.length,D) where rows were chosen. */
  dq: Float64Array;
  /** The largest |s| of all finite scores before softmax of these rows. */
  maxAbsScore: number;
}

/**
 * Gradients of sum(out * dout) in float64, by the textbook, with z = 1/(1 - dropout) or 0 for an entry that is kept or
 * dropped: dv = (z p)^T dout, dp = z (dout v^T), ds = p * (dp - delta) with delta = sum(dout * out), which is dbias;
 * through softcap, whose derivative is 1 - tanh^2, then dq = scale ds k, dk = scale ds^T q.
 *
 * Arrays as in referenceForward; dout in the order of out. With `rows` only those query rows are computed: dk, dv and dbias
 * are then complete only if dout is 0 in all other rows, which `keepRows` makes true, or when the other rows are added to
 * the same `sums`.
 */
export function referenceBackward(
  problem: Problem,
  inputs: ReferenceInputs,
  dout: Values,
  rows?: ArrayLike<number>,
  sums?: GradientSums,
): BackwardReference {
  return backward(problem, float64, inputs, dout, rows, sums);
}

/** The same formulas in the yardstick's precision (see yardstickForward). */
export function yardstickBackward(
  problem: Problem,
  inputs: ReferenceInputs,
  dout: Values,
  rows?: ArrayLike<number>,
): BackwardReference {
  const arithmetic = problem.dtype === 'f16' ? float16 : float32;
  const { dq, dk, dv, dbias, maxAbsScore } = backward(problem, arithmetic, inputs, dout, rows);
  const store = (x: Float64Array): Float64Array => x.map(arithmetic.store);
  const halfBias = problem.bias?.dtype === 'f16';
  return { dq: store(dq), dk: store(dk), dv: store(dv), dbias: halfBias ? store(dbias) : dbias, maxAbsScore };
}

function backward(
  problem: Problem,
  arithmetic: Arithmetic,
  given: ReferenceInputs,
  doutIn: Values,
  rows?: ArrayLike<number>,
  sums: GradientSums = noSums(problem),
): BackwardReference {
  const { Nk, D, Dv } = problem;
  const inputs = roundInputs(arithmetic, given);
  const dout = arithmetic.input(doutIn);
  const { round, store } = arithmetic;
  const scale = round(problem.scale);
  const count = rows?.length ?? rowCount(problem);
  const dq = new Float64Array(count * D);
  const { dk, dv, dbias } = sums;
  const p = new Float64Array(Nk);
  const dropped = problem.dropout ? new Float64Array(Nk) : p;
  const ds = new Float64Array(Nk);
  const slopes = problem.softcap > 0 ? new Float64Array(Nk) : null;
  const out = new Float64Array(Dv);
  const delta = new Float64Array(1);
  let maxAbsScore = 0;
  for (let r = 0; r < count; r++) {
    const row = placeOfRow(problem, rows ? rows[r] : r);
    const softmax = softmaxOfRow(problem, arithmetic, inputs, row, p, slopes);
    maxAbsScore = Math.max(maxAbsScore, softmax.maxAbsScore);
    if (problem.dropout) {
      dropped.set(p.subarray(0, row.count));
      dropRow(problem, arithmetic, row, dropped);
    }
    out.fill(0);
    arithmetic.addWeightedRows(out, 0, dropped, inputs.v, row.v, row.vStride, row.count, Dv);
    for (let d = 0; d < Dv; d++) out[d] = store(out[d]);
    arithmetic.dots(delta, dout, row.out, out, 0, Dv, 1, Dv);
    arithmetic.dots(ds, dout, row.out, inputs.v, row.v, row.vStride, row.count, Dv);
    for (let t = 0; t < row.count; t++) ds[t] = store(ds[t]);
    dropRow(problem, arithmetic, row, ds);
    // Nothing flows through a forbidden key, whatever its value holds.
    for (let t = 0; t < row.count; t++) ds[t] = p[t] === 0 ? 0 : store(round(p[t] * round(ds[t] - delta[0])));
    if (problem.bias) addDbias(problem.bias.shape, arithmetic, dbias, row, ds);
    for (let t = 0; t < row.count; t++) {
      if (ds[t] !== 0) ds[t] = round(scale * (slopes ? round(ds[t] * slopes[t]) : ds[t]));
    }
    arithmetic.addWeightedRows(dq, rows ? r * D : row.q, ds, inputs.k, row.k, row.kStride, row.count, D);
    arithmetic.addOuter(dk, row.k, row.kStride, ds, inputs.q, row.q, row.count, D);
    arithmetic.addOuter(dv, row.v, row.vStride, dropped, dout, row.out, row.count, Dv);
  }
  return { dq, dk, dv, dbias, maxAbsScore };
}

/** Sums of nothing. */
export function noSums(problem: Problem): GradientSums {
  return {
    dk: new Float64Array(keyRowCount(problem) * problem.D),
    dv: new Float64Array(keyRowCount(problem) * problem.Dv),
    dbias: new Float64Array(problem.bias ? sizeOf(problem.bias.shape) : 0),
  };
}

function addDbias(
  shape: readonly [number, number, number, number],
  { round }: Arithmetic,
  dbias: Float64Array,
  row: Row,
  ds: Float64Array,
): void {
  const { offset, stride } = operandRow(shape, row);
  for (let t = 0; t < row.count; t++) {
    const at = offset + (row.begin + t) * stride;
    dbias[at] = round(dbias[at] + ds[t]);
  }
}
