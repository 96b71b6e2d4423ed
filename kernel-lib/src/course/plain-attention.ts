// Attention by its plain formulas in float64, on lists as lessons have them: the truth of exercises, and what their mistakes vary.

/** out (N,Dv) and lse (N) of a head. */
export interface Attended {
  out: number[][];
  lse: number[];
}

type Matrix = readonly (readonly number[])[];

export const sum = (x: readonly number[]): number => x.reduce((a, b) => a + b, 0);

export const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((all, x, c) => all + x * b[c], 0);

/** The largest |x|; 0 of nothing. */
export const largest = (x: readonly number[]): number => Math.max(0, ...x.map(Math.abs));

export const transpose = (a: Matrix): number[][] => a[0].map((_, c) => a.map((row) => row[c]));

/** Safe softmax of a row; another number than the maximum makes it an unsafe one. */
export function softmax(x: readonly number[], m = Math.max(...x)): number[] {
  const f = x.map((each) => Math.exp(each - m));
  const l = sum(f);
  return f.map((each) => each / l);
}

/** q k^T / sqrt(D), (Nq,Nk). */
export const scoresOf = (q: Matrix, k: Matrix): number[][] =>
  q.map((qi) => k.map((kj) => dot(qi, kj) / Math.sqrt(qi.length)));

export const largestScore = (q: Matrix, k: Matrix): number => largest(scoresOf(q, k).flat());

/** out (Dv) and lse of a query with the scores s over one key or more. */
export function attendRow(s: readonly number[], v: Matrix): { out: number[]; lse: number } {
  const m = Math.max(...s);
  const f = s.map((x) => Math.exp(x - m));
  const l = sum(f);
  return { out: transpose(v).map((column) => dot(f, column) / l), lse: m + Math.log(l) };
}

/** Attention of a head: q (Nq,D), k (Nk,D), v (Nk,Dv). */
export function attendPlainly(q: Matrix, k: Matrix, v: Matrix): Attended {
  const rows = scoresOf(q, k).map((s) => attendRow(s, v));
  return { out: rows.map(({ out }) => out), lse: rows.map(({ lse }) => lse) };
}
