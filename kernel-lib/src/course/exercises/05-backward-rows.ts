import { functionExercise } from '../definition';
import { drawCases, type Draw } from '../draw';
import { dot, largest, softmax, sum } from '../plain-attention';

/** ds of a row, p * (dp - delta). */
const scoreGradient = (p: readonly number[], dp: readonly number[], delta: number): number[] =>
  p.map((x, j) => x * (dp[j] - delta));

/** Rows of weights from even to almost all on one key. */
const ROWS = [1, 2, 3, 5, 8, 13, 32, 100].flatMap((N, n) => [
  { N, sharp: 0, size: 1 },
  { N, sharp: 1, size: [1, 10][n % 2] },
  { N, sharp: [3, 30][n % 2], size: 1 },
]);

export const softmaxBackward = functionExercise<[p: number[], dp: number[]], number[]>({
  spec: 'softmaxBackward(p, dp): ds, the gradient of the scores of a row from its weights p and their gradient dp, without a matrix.',
  hints: [
    'The Jacobian is diag(p) - p p^T. Multiply it with dp by hand and bracket (p p^T) dp so that no matrix is left.',
    '(p p^T) dp = p (p.dp), and p.dp is one number for the whole row.',
    'ds[j] = p[j] * (dp[j] - delta) with delta = the sum of p[k] * dp[k] over all k.',
  ],
  cases: drawCases(
    501,
    ROWS,
    ({ N, sharp }) => `N = ${N}, s = ${sharp} randn`,
    ({ N, sharp, size }, draw) => [softmax(draw.list(N, sharp)), draw.list(N, size)],
  ),
  expected: (p, dp) => scoreGradient(p, dp, dot(p, dp)),
  mistakes: [
    {
      answer: (p, dp) => scoreGradient(p, dp, 0),
      hint: 'That is p * dp, the diagonal part of the Jacobian alone. A score also moves the weights of all other keys: the part with p p^T is missing.',
    },
    {
      answer: (p, dp) => scoreGradient(p, dp, sum(dp) / dp.length),
      hint: 'What is subtracted is the plain mean of dp. It has to be the mean with the weights p: the sum of p[k] * dp[k].',
    },
    {
      answer: (p, dp) => scoreGradient(p, dp, sum(dp)),
      hint: 'What is subtracted is the plain sum of dp. Each dp[k] has to be weighted by p[k].',
    },
    {
      answer: (p, dp) => scoreGradient(p, dp, dot(p, dp)).map((x) => -x),
      hint: 'The sign is the wrong way round: a key with dp above the mean must get a positive ds.',
    },
    {
      answer: (p, dp) => dp.map((x) => x - dot(p, dp)),
      hint: 'The factor p[j] in front is missing: a key with no weight has no gradient.',
    },
  ],
});

/** What may be allowed; 'low' are keys with low scores beside huge ones that are forbidden. */
const LABELS = {
  none: 'allowed = 0',
  all: 'allowed = N',
  one: 'allowed = 1',
  some: 'allowed ~ N / 2',
  low: 'allowed ~ N / 2, s = -400 | +400',
};

interface MaskSize {
  N: number;
  kind: keyof typeof LABELS;
  scale: number;
}

const masks = (kind: MaskSize['kind'], lengths: number[], scales: [odd: number, even: number]): MaskSize[] =>
  lengths.map((N) => ({ N, kind, scale: scales[1 - (N % 2)] }));

const MASKS = [
  ...masks('none', [1, 2, 5, 8, 17, 64], [100, 1]),
  ...masks('all', [1, 3, 16, 33], [30, 1]),
  ...masks('one', [2, 7, 32], [2, 2]),
  ...masks('some', [4, 10, 31, 65, 100], [100, 1]),
  ...masks('low', [2, 6, 12, 40], [1, 1]),
];

function maskedRow({ N, kind, scale }: MaskSize, draw: Draw): [s: number[], allowed: boolean[]] {
  const one = draw.whole(0, N - 1);
  const rules = {
    none: () => false,
    all: () => true,
    one: (j: number) => j === one,
    some: () => draw.chance(0.5),
    low: (j: number) => j % 2 === 0,
  };
  const allowed = Array.from({ length: N }, (_, j) => rules[kind](j));
  const s = draw.list(N, scale).map((x, j) => (kind === 'low' ? x + (allowed[j] ? -400 : 400) : x));
  return [s, allowed];
}

export interface RowWeights {
  p: number[];
  lse: number;
}

function weightsOf(s: readonly number[], m = Math.max(...s)): RowWeights {
  const f = s.map((x) => Math.exp(x - m));
  const l = sum(f);
  return { p: f.map((x) => x / l), lse: m + Math.log(l) };
}

const filled = (s: readonly number[], allowed: readonly boolean[], fill: number): number[] =>
  s.map((x, j) => (allowed[j] ? x : fill));

const rowWeights = (s: readonly number[], allowed: readonly boolean[]): RowWeights =>
  allowed.some(Boolean) ? weightsOf(filled(s, allowed, -Infinity)) : { p: s.map(() => 0), lse: -Infinity };

export const emptyRows = functionExercise<[s: number[], allowed: boolean[]], RowWeights>({
  spec: 'rowWeights(s, allowed): { p, lse } of a row of scores, softmax over the allowed keys and 0 elsewhere; with none allowed all of p is 0 and lse is -Infinity.',
  hints: [
    'A forbidden key has s = -Infinity, and exp(-Infinity) = 0. The maximum is taken over what is allowed.',
    'With no key allowed the maximum is -Infinity as well, and -Infinity - (-Infinity) is NaN. What may you subtract instead? The other trap is the division by l = 0.',
    'If no key is allowed, return { p: all 0, lse: -Infinity } at once. Else: m over the allowed, f = allowed ? exp(s - m) : 0, l = sum of f, p = f / l, lse = m + log(l).',
  ],
  cases: drawCases(504, MASKS, ({ N, kind }) => `N = ${N}, ${LABELS[kind]}`, maskedRow),
  expected: (s, allowed) => rowWeights(s, allowed),
  tolerance: { maxAbsScore: (s, allowed) => largest(s.filter((_, j) => allowed[j])) },
  mistakes: [
    {
      answer: (s, allowed) => weightsOf(filled(s, allowed, -1e10)),
      hint: 'Forbidden scores are a large negative number such as -1e10. If all are, softmax subtracts it again and every key gets the weight 1 / N.',
    },
    {
      answer: (s, allowed) => weightsOf(filled(s, allowed, -Infinity)),
      hint: 'A row with nothing allowed gives NaN: its maximum is -Infinity, and -Infinity - (-Infinity) is NaN.',
    },
    {
      answer: (s, allowed) => ({
        ...rowWeights(s, allowed),
        lse: allowed.some(Boolean) ? rowWeights(s, allowed).lse : 0,
      }),
      hint: 'p is right, but lse of a row with nothing allowed is the logarithm of an empty sum: -Infinity, not 0.',
    },
    {
      answer: (s, allowed) => {
        const all = weightsOf(s);
        return { p: all.p.map((x, j) => (allowed[j] ? x : 0)), lse: all.lse };
      },
      hint: 'The weights are set to 0 after the softmax, so that forbidden keys are still in its sum: what is left does not sum to 1.',
    },
    {
      answer: (s, allowed) => {
        const { p, lse } = weightsOf(filled(s, allowed, -Infinity), Math.max(...s));
        return { p: p.map((x) => x || 0), lse };
      },
      hint: 'The maximum is taken over forbidden keys as well. Where one of them is far above all that is allowed, every exp is 0. Take it over the allowed keys.',
    },
    {
      answer: (s, allowed) => weightsOf(s.map((x, j) => (allowed[j] ? x : 0))),
      hint: 'A forbidden score is 0 there, but exp(0) is 1, not 0. A forbidden score is -Infinity.',
    },
  ],
});

/** Of a row: its weights before dropout, the gradient of those after it, what was kept (1 or 0), and the rate. */
export interface DroppedRow {
  p: number[];
  dw: number[];
  keep: number[];
  rate: number;
}

const DROPS = [
  ...[1, 2, 3, 5, 8, 13, 33, 64].flatMap((N, n) => [
    { N, rate: [0.1, 0.5][n % 2], sharp: 1 },
    { N, rate: [0.8, 0.25][n % 2], sharp: [0, 3][n % 2] },
  ]),
  ...[4, 16, 50].map((N) => ({ N, rate: 0, sharp: 1 })),
  ...[1, 6, 31].map((N) => ({ N, rate: 0.9, sharp: 10 })),
];

/** ds of a row of which dropout left `keep`; dp and delta from the row. */
const dropBackward =
  (
    dpOf: (row: DroppedRow) => number[],
    deltaOf = (row: DroppedRow, dp: number[]): number => dot(row.p, dp),
    factorOf = ({ p }: DroppedRow): number[] => p,
  ) =>
  (row: DroppedRow): number[] => {
    const dp = dpOf(row);
    return scoreGradient(factorOf(row), dp, deltaOf(row, dp));
  };

const masked = ({ dw, keep, rate }: DroppedRow): number[] => dw.map((x, j) => (keep[j] * x) / (1 - rate));

export const dropoutBackward = functionExercise<[row: DroppedRow], number[]>({
  spec: 'dropoutBackward({ p, dw, keep, rate }): ds of a row with weights p, from dw, the gradient of the dropped weights w = keep * p / (1 - rate).',
  hints: [
    'Two steps backwards: from dw to dp through the dropout, then from dp to ds through the softmax.',
    'w[j] = keep[j] / (1 - rate) * p[j] is a product with a number, so dp[j] = keep[j] / (1 - rate) * dw[j].',
    'delta = the sum of p[k] * dp[k] and ds[j] = p[j] * (dp[j] - delta): with p, not with w, also where keep is 0.',
  ],
  cases: drawCases(
    505,
    DROPS,
    ({ N, rate, sharp }) => `N = ${N}, rate = ${rate}, s = ${sharp} randn`,
    ({ N, rate, sharp }, draw) => [
      {
        p: softmax(draw.list(N, sharp)),
        dw: draw.list(N),
        keep: Array.from({ length: N }, () => Number(!draw.chance(rate))),
        rate,
      },
    ],
  ),
  expected: dropBackward(masked),
  mistakes: [
    {
      answer: dropBackward(({ dw }) => dw),
      hint: 'The mask is not applied on the way back: a weight that was dropped did nothing to out, so its dp is 0.',
    },
    {
      answer: dropBackward(({ dw, keep }) => dw.map((x, j) => keep[j] * x)),
      hint: 'dp is masked and not rescaled: w = keep * p / (1 - rate), so 1 / (1 - rate) is a factor of dp as well.',
    },
    {
      answer: dropBackward(masked, ({ p, dw }) => dot(p, dw)),
      hint: 'delta is made with dw, before the mask. It is the sum of p * dp, which is the sum of w * dw, and so dout.out with the dropped out.',
    },
    {
      answer: dropBackward(masked, undefined, ({ p, keep, rate }) => p.map((x, j) => (keep[j] * x) / (1 - rate))),
      hint: 'The factor in front is w, the dropped weights. Softmax knows nothing of dropout: it is p * (dp - delta), and a dropped key still gets -p * delta.',
    },
  ],
});
