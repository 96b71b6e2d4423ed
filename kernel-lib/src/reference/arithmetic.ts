import { roundToFloat16 } from './float16';

/** Any array of real numbers that the reference reads: float32 values as the kernels get them, or float64 in tests. */
export type Values = Float32Array | Float64Array;

/**
 * The operations that attention is made of, in one precision.
 *
 * The formulas (row.ts, forward.ts, backward.ts) are written once over this interface; `float64` gives the truth, `float32`
 * and `float16` the yardsticks, in which the result of every single product, sum, exp, log and quotient is rounded to
 * float32. Rounding the float64 result of one operation on two float32 numbers is what float32 hardware does: 53 bits are
 * enough for that to be exact for +, -, * and / (Figueroa 1995).
 *
 * A matrix argument is `count` rows of `width` numbers; the first starts at `offset` and each next one `stride` further on.
 */
export interface Arithmetic {
  round(x: number): number;
  /** Rounds what plain code of this precision keeps in memory: s, p, dp, ds and the results. */
  store(x: number): number;
  /** The input as this precision sees it. */
  input(x: Values): Values;
  /** result[j] = sum over d of x[xOffset + d] * matrix[j][d]. */
  dots(
    result: Float64Array,
    x: Values,
    xOffset: number,
    matrix: Values,
    offset: number,
    stride: number,
    count: number,
    width: number,
  ): void;
  /** result[d] += sum over j of weights[j] * matrix[j][d]; a weight of exactly 0 leaves its row unread. */
  addWeightedRows(
    result: Float64Array,
    resultOffset: number,
    weights: Float64Array,
    matrix: Values,
    offset: number,
    stride: number,
    count: number,
    width: number,
  ): void;
  /** matrix[j][d] += weights[j] * x[xOffset + d]; a weight of exactly 0 leaves its row as it is. */
  addOuter(
    matrix: Float64Array,
    offset: number,
    stride: number,
    weights: Float64Array,
    x: Values,
    xOffset: number,
    count: number,
    width: number,
  ): void;
}

// The two objects below have the same loops, once plain and once rounded. A rounding function handed in would be an
// indirect call in the innermost loop and ten times slower. Four dot products run side by side because each one is a chain
// of dependent additions.

/** Every operation in float64. */
export const float64: Arithmetic = {
  round: (x) => x,
  store: (x) => x,
  input: (x) => x,

  dots(result, x, xOffset, matrix, offset, stride, count, width) {
    let j = 0;
    for (; j + 4 <= count; j += 4) {
      const row = offset + j * stride;
      let a = 0;
      let b = 0;
      let c = 0;
      let e = 0;
      for (let d = 0; d < width; d++) {
        const factor = x[xOffset + d];
        a += factor * matrix[row + d];
        b += factor * matrix[row + stride + d];
        c += factor * matrix[row + 2 * stride + d];
        e += factor * matrix[row + 3 * stride + d];
      }
      result[j] = a;
      result[j + 1] = b;
      result[j + 2] = c;
      result[j + 3] = e;
    }
    for (; j < count; j++) {
      let sum = 0;
      for (let d = 0; d < width; d++) sum += x[xOffset + d] * matrix[offset + j * stride + d];
      result[j] = sum;
    }
  },

  addWeightedRows(result, resultOffset, weights, matrix, offset, stride, count, width) {
    for (let j = 0; j < count; j++) {
      const weight = weights[j];
      if (weight === 0) continue;
      const row = offset + j * stride;
      for (let d = 0; d < width; d++) result[resultOffset + d] += weight * matrix[row + d];
    }
  },

  addOuter(matrix, offset, stride, weights, x, xOffset, count, width) {
    for (let j = 0; j < count; j++) {
      const weight = weights[j];
      if (weight === 0) continue;
      const row = offset + j * stride;
      for (let d = 0; d < width; d++) matrix[row + d] += weight * x[xOffset + d];
    }
  },
};

const { fround } = Math;

/** Every operation rounded to float32; what is stored is so already. */
export const float32: Arithmetic = {
  round: fround,
  store: (x) => x,
  input: (x) => (x instanceof Float32Array ? x : Float32Array.from(x)),

  dots(result, x, xOffset, matrix, offset, stride, count, width) {
    let j = 0;
    for (; j + 4 <= count; j += 4) {
      const row = offset + j * stride;
      let a = 0;
      let b = 0;
      let c = 0;
      let e = 0;
      for (let d = 0; d < width; d++) {
        const factor = x[xOffset + d];
        a = fround(a + fround(factor * matrix[row + d]));
        b = fround(b + fround(factor * matrix[row + stride + d]));
        c = fround(c + fround(factor * matrix[row + 2 * stride + d]));
        e = fround(e + fround(factor * matrix[row + 3 * stride + d]));
      }
      result[j] = a;
      result[j + 1] = b;
      result[j + 2] = c;
      result[j + 3] = e;
    }
    for (; j < count; j++) {
      let sum = 0;
      for (let d = 0; d < width; d++) sum = fround(sum + fround(x[xOffset + d] * matrix[offset + j * stride + d]));
      result[j] = sum;
    }
  },

  addWeightedRows(result, resultOffset, weights, matrix, offset, stride, count, width) {
    for (let j = 0; j < count; j++) {
      const weight = weights[j];
      if (weight === 0) continue;
      const row = offset + j * stride;
      for (let d = 0; d < width; d++) {
        const at = resultOffset + d;
        result[at] = fround(result[at] + fround(weight * matrix[row + d]));
      }
    }
  },

  addOuter(matrix, offset, stride, weights, x, xOffset, count, width) {
    for (let j = 0; j < count; j++) {
      const weight = weights[j];
      if (weight === 0) continue;
      const row = offset + j * stride;
      for (let d = 0; d < width; d++) {
        matrix[row + d] = fround(matrix[row + d] + fround(weight * x[xOffset + d]));
      }
    }
  },
};

/** float32 operations over numbers that are stored as float16. */
export const float16: Arithmetic = { ...float32, store: roundToFloat16 };
