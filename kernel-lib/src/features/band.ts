import type { Problem } from '../api/problem';

/**
 * Causal attention and sliding windows, which are one thing: query i sees key j only where
 * i + Nk - Nq - left <= j <= i + Nk - Nq + right, so that the last query is level with the last key. Causal is right = 0.
 *
 *     causal, Nq = 4, Nk = 5      causal, Nq = 5, Nk = 3      left = 1, right = 0, Nq = 4, Nk = 5
 *     i\j 0 1 2 3 4               i\j 0 1 2                   i\j 0 1 2 3 4
 *     0   x x . . .               0   . . .                   0   x x . . .
 *     1   x x x . .               1   . . .                   1   . x x . .
 *     2   x x x x .               2   x . .                   2   . . x x .
 *     3   x x x x x               3   x x .                   3   . . . x x
 *                                 4   x x x
 *
 * It does not change the gradient of a pair that it leaves. A tile of the score matrix that it empties is not computed, one
 * that it does not cut runs without mask code.
 */
type Lengths = Pick<Problem, 'Nq' | 'Nk' | 'band'>;

const clamp = (x: number, most: number): number => Math.min(most, Math.max(0, x));

/** First key that query i sees. */
export const keyBegin = ({ Nq, Nk, band }: Lengths, i: number): number => clamp(i + Nk - Nq - band.left, Nk);
/** First key after those that query i sees; not above keyBegin where it sees none. */
export const keyEnd = ({ Nq, Nk, band }: Lengths, i: number): number => clamp(i + Nk - Nq + band.right + 1, Nk);
/** First query that sees key j. */
export const queryBegin = ({ Nq, Nk, band }: Lengths, j: number): number => clamp(j - (Nk - Nq) - band.right, Nq);
/** First query after those that see key j. */
export const queryEnd = ({ Nq, Nk, band }: Lengths, j: number): number => clamp(j - (Nk - Nq) + band.left + 1, Nq);

/** Beyond any length, and small enough to be added to one. */
const UNBOUNDED = 2 ** 30;

/** The band's uniforms. Numbers and no constants, so that one compiled kernel serves every band. */
export const bandParams = ({ band }: Pick<Problem, 'band'>): Record<'left' | 'right', number> => ({
  left: Math.min(band.left, UNBOUNDED),
  right: Math.min(band.right, UNBOUNDED),
});

/**
 * The same in WGSL, over a Sequence (features/sequences.ts) and Params. `uncut(seq, i0, i1, j0, j1)` tells whether all
 * queries i0..i1 see all keys j0..j1, given that these exist.
 */
export const BAND_WGSL = `
fn diagonal(seq: Sequence, i: u32) -> i32 { return i32(i) + i32(seq.Nk) - i32(seq.Nq); }
fn key_begin(seq: Sequence, i: u32) -> u32 {
  return u32(clamp(diagonal(seq, i) - i32(params.left), 0, i32(seq.Nk)));
}
fn key_end(seq: Sequence, i: u32) -> u32 {
  return u32(clamp(diagonal(seq, i) + i32(params.right) + 1, 0, i32(seq.Nk)));
}
fn query_begin(seq: Sequence, j: u32) -> u32 {
  return u32(clamp(i32(j) + i32(seq.Nq) - i32(seq.Nk) - i32(params.right), 0, i32(seq.Nq)));
}
fn query_end(seq: Sequence, j: u32) -> u32 {
  return u32(clamp(i32(j) + i32(seq.Nq) - i32(seq.Nk) + i32(params.left) + 1, 0, i32(seq.Nq)));
}
fn uncut(seq: Sequence, i0: u32, i1: u32, j0: u32, j1: u32) -> bool {
  return (i32(j1) <= diagonal(seq, i0) + i32(params.right)) & (i32(j0) >= diagonal(seq, i1) - i32(params.left));
}`;
