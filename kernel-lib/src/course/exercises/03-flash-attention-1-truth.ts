/** Queries and keys of a tile. */
export interface Tiles {
  br: number;
  bc: number;
}

/** The rows of out, and lse of each. */
export interface Attended {
  out: number[][];
  lse: number[];
}

/** q.k / sqrt(d) of all pairs. */
const scoresOf = (q: readonly number[][], k: readonly number[][]): number[][] =>
  q.map((row) => k.map((key) => row.reduce((sum, each, c) => sum + each * key[c], 0) / Math.sqrt(row.length)));

/** Attention without tiles: all scores of a row, their softmax, the weighted mean. */
export function attendPlainly(q: readonly number[][], k: readonly number[][], v: readonly number[][]): Attended {
  const rows = scoresOf(q, k).map((s) => {
    const m = Math.max(...s);
    const p = s.map((each) => Math.exp(each - m));
    const l = p.reduce((a, b) => a + b, 0);
    return { out: v[0].map((_, c) => p.reduce((sum, each, j) => sum + each * v[j][c], 0) / l), lse: m + Math.log(l) };
  });
  return { out: rows.map(({ out }) => out), lse: rows.map(({ lse }) => lse) };
}

export const largestScore = (q: readonly number[][], k: readonly number[][]): number =>
  Math.max(...scoresOf(q, k).flat().map(Math.abs));

export const tileLabel = ({ N, d, br, bc }: Tiles & { N: number; d: number }): string =>
  `N = ${N}, d = ${d}, br = ${br}, bc = ${bc}`;
