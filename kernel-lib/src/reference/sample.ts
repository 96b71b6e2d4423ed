import type { Problem } from '../api/problem';
import type { Values } from './arithmetic';
import { rowCount, storedRows } from './place';

// A check of a long sequence against the whole reference takes minutes. For chosen query rows out, lse and dq cost one row
// each. dk, dv and dbias sum over queries, but one whose dout is 0 adds nothing: with `keepRows` the same rows give all of
// them too, exactly.

/**
 * `count` query rows by their index in lse, evenly spread with a seeded offset each, ascending; the very first and the very
 * last row are always among them. All rows where there are no more than `count`.
 */
export function sampleRows(problem: Problem, count: number, seed = 0): number[] {
  const total = rowCount(problem);
  if (total <= count) return Array.from({ length: total }, (_, row) => row);
  const random = uniform(seed);
  const rows: number[] = [];
  for (let t = 0; t < count; t++) {
    const from = Math.floor((t * total) / count);
    const to = Math.floor(((t + 1) * total) / count);
    rows.push(from + Math.floor(random() * (to - from)));
  }
  rows[count - 1] = total - 1;
  rows[0] = 0;
  return rows;
}

/** A copy of dout, in the order of out, that is 0 outside the chosen query rows. */
export function keepRows(problem: Problem, dout: Float32Array, rows: ArrayLike<number>): Float32Array {
  const { Dv } = problem;
  const kept = new Float32Array(dout.length);
  for (const row of storedRows(problem, rows)) {
    const at = row * Dv;
    kept.set(dout.subarray(at, at + Dv), at);
  }
  return kept;
}

/** The chosen rows of an array of rows of `width` numbers, as (rows.length,width). */
export function gatherRows(array: Values, rows: ArrayLike<number>, width: number): Float64Array {
  const gathered = new Float64Array(rows.length * width);
  for (let r = 0; r < rows.length; r++) gathered.set(array.subarray(rows[r] * width, (rows[r] + 1) * width), r * width);
  return gathered;
}

/** Numbers in [0, 1) from a linear congruential generator (Numerical Recipes); enough to scatter rows. */
function uniform(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
