import { dot, softmax } from '../plain-attention';

/** What may be done otherwise in attention, as mistakes do it. */
interface Variant {
  scale?: (D: number) => number;
  /** p from s. */
  weights?: (s: number[][]) => number[][];
  /** The weight of value j for query i. */
  weight?: (p: number[][], i: number, j: number) => number;
  /** Component c of value j. */
  value?: (j: number, c: number) => number;
}

/** s, p and out by the plain formulas: q (Nq,D), k (Nk,D), v (Nk,Dv). */
export function attend(
  q: readonly number[][],
  k: readonly number[][],
  v: readonly number[][],
  {
    scale = (D) => 1 / Math.sqrt(D),
    weights = (all) => all.map((x) => softmax(x)),
    weight = (all, i, j) => all[i][j],
    value = (j, c) => v[j][c],
  }: Variant = {},
): { s: number[][]; p: number[][]; out: number[][] } {
  const s = q.map((qi) => k.map((kj) => scale(qi.length) * dot(qi, kj)));
  const p = weights(s);
  const out = q.map((_, i) => v[0].map((__, c) => v.reduce((sum, ___, j) => sum + weight(p, i, j) * value(j, c), 0)));
  return { s, p, out };
}
