import type { Problem } from '../api/problem';

/**
 * Causal attention and sliding windows, which are one thing: query i sees key j only where
 * i + Nk - Nq - left <= j <= i + Nk - Nq + right, so that the last query is level with the last key. Causal is right = 0. With
 * topLeft it counts from query 0 and key 0 instead: i - left <= j <= i + right.
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

/** How far the diagonal's key is beyond its query. */
const shift = ({ Nq, Nk, band }: Lengths): number => (band.topLeft ? 0 : Nk - Nq);

/** First key that query i sees. */
export const keyBegin = (p: Lengths, i: number): number => clamp(i + shift(p) - p.band.left, p.Nk);
/** First key after those that query i sees; not above keyBegin where it sees none. */
export const keyEnd = (p: Lengths, i: number): number => clamp(i + shift(p) + p.band.right + 1, p.Nk);
/** First query that sees key j. */
export const queryBegin = (p: Lengths, j: number): number => clamp(j - shift(p) - p.band.right, p.Nq);
/** First query after those that see key j. */
export const queryEnd = (p: Lengths, j: number): number => clamp(j - shift(p) + p.band.left + 1, p.Nq);

/** Beyond any length, and small enough to be added to one. */
const UNBOUNDED = 2 ** 30;

/** The band's uniforms. Numbers and no constants, so that one compiled kernel serves every band. */
export const bandParams = ({ band }: Pick<Problem, 'band'>): Record<'left' | 'right' | 'top_left', number> => ({
  left: Math.min(band.left, UNBOUNDED),
  right: Math.min(band.right, UNBOUNDED),
  top_left: Number(band.topLeft ?? false),
});

/**
 * The same in WGSL, over a Sequence (features/sequences.ts) and Params. `uncut(seq, i0, i1, j0, j1)` tells whether all
 * queries i0..i1 see all keys j0..j1, given that these exist. `diagonal(seq, i)` is the key that the query's distances of ALiBi count
 * from, topLeft or not.
 */
export const BAND_WGSL = `
fn diagonal(seq: Sequence, i: u32) -> i32 { return i32(i) + i32(seq.Nk) - i32(seq.Nq); }
fn shift(seq: Sequence) -> i32 { return select(i32(seq.Nk) - i32(seq.Nq), 0, params.top_left == 1u); }
fn key_begin(seq: Sequence, i: u32) -> u32 {
  return u32(clamp(i32(i) + shift(seq) - i32(params.left), 0, i32(seq.Nk)));
}
fn key_end(seq: Sequence, i: u32) -> u32 {
  return u32(clamp(i32(i) + shift(seq) + i32(params.right) + 1, 0, i32(seq.Nk)));
}
fn query_begin(seq: Sequence, j: u32) -> u32 {
  return u32(clamp(i32(j) - shift(seq) - i32(params.right), 0, i32(seq.Nq)));
}
fn query_end(seq: Sequence, j: u32) -> u32 {
  return u32(clamp(i32(j) - shift(seq) + i32(params.left) + 1, 0, i32(seq.Nq)));
}
fn uncut(seq: Sequence, i0: u32, i1: u32, j0: u32, j1: u32) -> bool {
  return (i32(j1) - i32(i0) <= shift(seq) + i32(params.right)) & (i32(j0) - i32(i1) >= shift(seq) - i32(params.left));
}`;
