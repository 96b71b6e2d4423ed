import type { Problem } from '../api/problem';
import type { Arithmetic, Values } from './arithmetic';
import { keeps } from './dropout';
import { operandRow, type Row } from './place';

/** What attention reads, in the order that place.ts describes; bias and mask in their own, broadcast shapes. */
export interface ReferenceInputs {
  readonly q: Values;
  readonly k: Values;
  readonly v: Values;
  /** Where `problem.bias` says that there is one. */
  readonly bias?: Values;
  /** Where `problem.mask` says that there is one; 0 forbids. */
  readonly mask?: ArrayLike<number>;
}

/** The inputs as a precision sees them. */
export function roundInputs(arithmetic: Arithmetic, { q, k, v, bias, mask }: ReferenceInputs): ReferenceInputs {
  return {
    ...{ q: arithmetic.input(q), k: arithmetic.input(k), v: arithmetic.input(v) },
    ...{ bias: bias && arithmetic.input(bias), mask },
  };
}

/** What softmax leaves of one row besides p: its log-sum-exp (-Infinity for an empty row) and its largest finite |score|. */
export interface SoftmaxOfRow {
  lse: number;
  maxAbsScore: number;
}

/**
 * Fills s with the scores of the row's keys, in the contract's order: scale, softcap, ALiBi, bias; -Infinity where the mask or
 * the bias forbids. `slopes`, where given, gets the derivative of softcap.
 */
function scoresOfRow(
  problem: Problem,
  { round, store, dots }: Arithmetic,
  inputs: ReferenceInputs,
  row: Row,
  s: Float64Array,
  slopes: Float64Array | null,
): void {
  const { H, D, alibiSlopes } = problem;
  const { count, begin } = row;
  const scale = round(problem.scale);
  const softcap = round(problem.softcap);
  const alibi = alibiSlopes ? alibiSlopes[row.b * H + row.h] : 0;
  const bias = problem.bias && operandRow(problem.bias.shape, row);
  const mask = problem.mask && operandRow(problem.mask.shape, row);
  dots(s, inputs.q, row.q, inputs.k, row.k, row.kStride, count, D);
  for (let t = 0; t < count; t++) {
    const j = begin + t;
    let x = round(scale * s[t]);
    if (softcap > 0) {
      const capped = round(Math.tanh(round(x / softcap)));
      x = round(softcap * capped);
      if (slopes) slopes[t] = round(1 - round(capped * capped));
    }
    if (alibi !== 0) x = round(x - round(alibi * Math.abs(row.diagonal - j)));
    if (bias) {
      const added = inputs.bias![bias.offset + j * bias.stride];
      x = added === -Infinity ? added : round(x + added);
    }
    if (mask && inputs.mask![mask.offset + j * mask.stride] === 0) x = -Infinity;
    s[t] = store(x);
  }
}

/**
 * Fills the first `row.count` numbers of p with the softmax of one row of scores, in the textbook's order: scores, maximum,
 * exp(s - m), sum, quotient. p of an empty row is 0.
 */
export function softmaxOfRow(
  problem: Problem,
  arithmetic: Arithmetic,
  inputs: ReferenceInputs,
  row: Row,
  p: Float64Array,
  slopes: Float64Array | null = null,
): SoftmaxOfRow {
  const { round, store } = arithmetic;
  const { count } = row;
  scoresOfRow(problem, arithmetic, inputs, row, p, slopes);
  let m = -Infinity;
  let maxAbsScore = 0;
  for (let t = 0; t < count; t++) {
    m = Math.max(m, p[t]);
    const size = Math.abs(p[t]);
    if (size < Infinity && size > maxAbsScore) maxAbsScore = size;
  }
  if (m === -Infinity) {
    p.fill(0, 0, count);
    return { lse: -Infinity, maxAbsScore };
  }
  let sum = 0;
  for (let t = 0; t < count; t++) {
    p[t] = round(Math.exp(round(p[t] - m)));
    sum = round(sum + p[t]);
  }
  for (let t = 0; t < count; t++) p[t] = store(round(p[t] / sum));
  return { lse: round(m + round(Math.log(sum))), maxAbsScore };
}

/** Dropout of what belongs to the row's keys, p or its gradient: 0, or as much larger as entries are fewer. */
export function dropRow(
  { dropout }: Problem,
  { round, store }: Arithmetic,
  { b, h, i, begin, count }: Row,
  x: Float64Array,
): void {
  if (!dropout) return;
  const { seed, p } = dropout;
  const kept = round(1 - round(p));
  for (let t = 0; t < count; t++) x[t] = keeps(seed, p, b, h, i, begin + t) ? store(round(x[t] / kept)) : 0;
}
