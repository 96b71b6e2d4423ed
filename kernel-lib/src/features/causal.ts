import type { Problem } from '../api/problem';

/**
 * The causal mask: query i sees keys j <= i + Nk - Nq, so that the last query sees the last key.
 *
 *     Nq = 4, Nk = 5          Nq = 5, Nk = 3
 *     i\j 0 1 2 3 4           i\j 0 1 2
 *     0   x x . . .           0   . . .    (nothing to attend to)
 *     1   x x x . .           1   . . .
 *     2   x x x x .           2   x . .
 *     3   x x x x x           3   x x .
 *                             4   x x x
 *
 * It does not change the gradient of a pair that it leaves.
 */
export const causal = {
  /** First key that query i does not see. */
  keyEnd: ({ Nq, Nk, causal }: Problem, i: number): number =>
    causal ? Math.min(Nk, Math.max(0, i + Nk - Nq + 1)) : Nk,

  /** First query that sees key j. */
  queryBegin: ({ Nq, Nk, causal }: Problem, j: number): number =>
    causal ? Math.min(Nq, Math.max(0, j - (Nk - Nq))) : 0,
};

/**
 * The same in WGSL, over Nq, Nk and causal of Params: a number and no constant, so that one compiled kernel serves both.
 * `uncut(i, j)` tells whether all queries from i on see all keys up to j, given that they exist.
 */
export const VISIBILITY_WGSL = `
fn key_end(i: u32) -> u32 {
  let end = u32(clamp(i32(i) + i32(params.Nk) - i32(params.Nq) + 1, 0, i32(params.Nk)));
  return select(params.Nk, end, params.causal == 1u);
}
fn query_begin(j: u32) -> u32 {
  let begin = u32(clamp(i32(j) + i32(params.Nq) - i32(params.Nk), 0, i32(params.Nq)));
  return select(0u, begin, params.causal == 1u);
}
fn uncut(i: u32, j: u32) -> bool {
  return (params.causal == 0u) | (i32(j) <= i32(i) + i32(params.Nk) - i32(params.Nq));
}`;
