import { functionExercise } from '../definition';
import { drawCases } from '../draw';
import { attendPlainly, dot, largestScore, scoresOf, transpose } from '../plain-attention';

type Matrix = number[][];

/** Of one head with N queries and keys: q, k (N,D), v, out, dout (N,Dv), lse (N). */
export interface BackwardInput {
  q: Matrix;
  k: Matrix;
  v: Matrix;
  out: Matrix;
  lse: number[];
  dout: Matrix;
}

export interface BackwardResult {
  dq: Matrix;
  dk: Matrix;
  dv: Matrix;
}

/** a b. */
function matmul(a: Matrix, b: Matrix): Matrix {
  const columns = transpose(b);
  return a.map((row) => columns.map((column) => dot(row, column)));
}

const times = (factor: number, a: Matrix): Matrix => a.map((row) => row.map((x) => factor * x));

const scaleOf = (q: Matrix): number => 1 / Math.sqrt(q[0].length);

interface Steps {
  /** The scores that p is recomputed from. */
  s: Matrix;
  /** What is subtracted from row i of dP. */
  delta: (i: number, p: Matrix, dp: Matrix) => number;
  /** The factor of dq and dk. */
  scale: number;
  /** What dq, dk and dv are products with. */
  forDq: (p: Matrix, ds: Matrix) => Matrix;
  forDk: (p: Matrix, ds: Matrix) => Matrix;
  forDv: (p: Matrix, ds: Matrix) => Matrix;
}

/** The gradients; `changed` are steps that are done otherwise. */
function gradients(input: BackwardInput, changed: Partial<Steps> = {}): BackwardResult {
  const { q, k, v, out, lse, dout } = input;
  const steps: Steps = {
    s: scoresOf(q, k),
    delta: (i) => dot(dout[i], out[i]),
    scale: scaleOf(q),
    forDq: (_, ds) => ds,
    forDk: (_, ds) => transpose(ds),
    forDv: (p) => transpose(p),
    ...changed,
  };
  const p = steps.s.map((row, i) => row.map((x) => Math.exp(x - lse[i])));
  const dp = matmul(dout, transpose(v));
  const ds = p.map((row, i) => {
    const delta = steps.delta(i, p, dp);
    return row.map((x, j) => x * (dp[i][j] - delta));
  });
  return {
    dq: times(steps.scale, matmul(steps.forDq(p, ds), k)),
    dk: times(steps.scale, matmul(steps.forDk(p, ds), q)),
    dv: matmul(steps.forDv(p, ds), dout),
  };
}

const SIZES = [
  ...[1, 2, 3, 5, 8, 13, 16, 31, 33].map((N, n) => ({ N, D: [1, 4, 8][n % 3], Dv: [3, 4, 1][n % 3], scale: 1 })),
  ...[1, 2, 4, 7, 10, 15, 17, 32].map((N, n) => ({ N, D: [4, 6, 16][n % 3], Dv: [4, 6, 5][n % 3], scale: 3 })),
  ...[2, 9, 20, 24].map((N) => ({ N, D: 4, Dv: 4, scale: 60 })),
];

export const attentionBackward = functionExercise<[input: BackwardInput], BackwardResult>({
  spec: 'attentionBackward({ q, k, v, out, lse, dout }): { dq, dk, dv } of one head with scale 1 / sqrt(D), from what the forward pass left.',
  hints: [
    'Five products: the scores from q and k, dP from dout and v, and then dv, dq and dk. P comes from the scores and lse alone.',
    'P[i][j] = exp(scale * q[i].k[j] - lse[i]), delta[i] = dout[i].out[i], dS[i][j] = P[i][j] * (dout[i].v[j] - delta[i]).',
    'dv = P^T dout, dq = scale dS k, dk = scale dS^T q. In loops: for every i and j add P[i][j] * dout[i] to dv[j], scale * dS[i][j] * k[j] to dq[i], scale * dS[i][j] * q[i] to dk[j].',
  ],
  cases: drawCases(
    503,
    SIZES,
    ({ N, D, Dv, scale }) => `N = ${N}, D = ${D}, Dv = ${Dv}, q = ${scale} randn`,
    ({ N, D, Dv, scale }, draw) => {
      const qkv = { q: draw.matrix(N, D, scale), k: draw.matrix(N, D), v: draw.matrix(N, Dv) };
      return [{ ...qkv, ...attendPlainly(qkv.q, qkv.k, qkv.v), dout: draw.matrix(N, Dv) }];
    },
  ),
  expected: (input) => gradients(input),
  tolerance: { maxAbsScore: ({ q, k }) => largestScore(q, k) },
  mistakes: [
    {
      answer: (input) => gradients(input, { scale: 1 }),
      hint: 's = scale q.k, so the scale is in the derivative, too: dq and dk need the factor scale. dv does not.',
    },
    {
      answer: (input) => gradients(input, { delta: () => 0 }),
      hint: 'delta is missing: dS is P * dP there, but a score moves all weights of its row, since they sum to 1. dS = P * (dP - delta).',
    },
    {
      answer: (input) => gradients(input, { delta: (i, _, dp) => dp[i].reduce((sum, x) => sum + x, 0) }),
      hint: 'delta is the plain sum of a row of dP. Each dP[i][j] has to be weighted by P[i][j]; dout[i].out[i] is the same number.',
    },
    {
      answer: (input) => gradients(input, { forDk: (_, ds) => ds }),
      hint: 'dk is made with dS where it should be its transpose: dk[j] is a sum over the queries i, of dS[i][j] q[i].',
    },
    {
      answer: (input) => gradients(input, { forDv: (p) => p }),
      hint: 'dv is made with P where it should be its transpose: dv[j] is a sum over the queries i, of P[i][j] dout[i].',
    },
    {
      answer: (input) => gradients(input, { forDk: (p) => transpose(p) }),
      hint: 'dk is made with P, which is right for dv. Scores go to k, so dk is made with dS.',
    },
    {
      answer: (input) => gradients(input, { s: matmul(input.q, transpose(input.k)) }),
      hint: 'The scores that P is recomputed from lack the scale: lse belongs to scale * q.k, and with other scores the rows of P do not sum to 1.',
    },
  ],
});
