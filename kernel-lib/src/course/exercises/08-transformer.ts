import { functionExercise } from '../definition';
import { drawCases } from '../draw';
import { sum } from '../plain-attention';
import { wordPieces } from './08-transformer-pieces';

type Numbers = readonly number[];

const mean = (x: Numbers): number => sum(x) / x.length;
const spread = (x: Numbers, around = mean(x)): number => sum(x.map((each) => (each - around) ** 2));
const norm = (x: Numbers): number => Math.sqrt(spread(x, 0));

type LayerNormInput = [x: number[], gamma: number[], beta: number[], eps: number];

/** LayerNorm with parts that can be replaced. */
const layerNormWith =
  ({
    centre = mean,
    deviation = (x: Numbers, eps: number) => Math.sqrt(spread(x, mean(x)) / x.length + eps),
    affine = (y: number, gamma: number, beta: number) => gamma * y + beta,
  }) =>
  (...[x, gamma, beta, eps]: LayerNormInput): number[] => {
    const [m, s] = [centre(x), deviation(x, eps)];
    return x.map((each, c) => affine((each - m) / s, gamma[c], beta[c]));
  };

/** Rows of all lengths, some far from 0, some of one and the same number. */
const ROWS = [
  ...[1, 2, 3, 4, 7, 16, 31, 33, 64, 100, 384].flatMap((N) => [
    { N, scale: 1, shift: 0, eps: 1e-12 },
    { N, scale: 0.05, shift: 40, eps: 1e-5 },
  ]),
  { N: 8, scale: 1, shift: -300, eps: 0.5 },
  { N: 5, scale: 0, shift: 3, eps: 1e-12 },
  { N: 16, scale: 0, shift: -0.5, eps: 1e-5 },
];

const layerNorm = functionExercise<LayerNormInput, number[]>({
  spec: 'layerNorm(x, gamma, beta, eps): gamma * (x - mean) / sqrt(variance + eps) + beta, number by number.',
  hints: [
    'Two passes: the mean first, then the mean of the squared differences to it. eps belongs to the variance.',
    'scale = 1 / sqrt(sum((x - mean)^2) / d + eps), then gamma[c] * (x[c] - mean) * scale + beta[c].',
  ],
  cases: drawCases(
    801,
    ROWS,
    ({ N, scale, shift, eps }) => `d = ${N}, x = ${shift} + ${scale} randn, eps = ${eps}`,
    ({ N, scale, shift, eps }, draw) => [
      draw.list(N, scale).map((x) => x + shift),
      draw.list(N).map((x) => x + 1),
      draw.list(N),
      eps,
    ],
  ),
  expected: layerNormWith({}),
  mistakes: [
    {
      answer: layerNormWith({ deviation: (x, eps) => Math.sqrt(spread(x) / (x.length - 1) + eps) }),
      hint: 'The squares are divided by d - 1. LayerNorm takes the variance of these very numbers: divide by d.',
    },
    {
      answer: layerNormWith({ deviation: (x, eps) => Math.sqrt(spread(x) / x.length) + eps }),
      hint: 'eps is added to the root. It belongs under the root, to the variance.',
    },
    {
      answer: layerNormWith({ deviation: (x, eps) => spread(x) / x.length + eps }),
      hint: 'The division is by the variance, not by its root, so the result does not have variance 1.',
    },
    {
      answer: layerNormWith({ affine: (y) => y }),
      hint: 'The row is normalised, but not scaled by gamma and shifted by beta.',
    },
    {
      answer: layerNormWith({ affine: (y, gamma, beta) => beta * y + gamma }),
      hint: 'gamma and beta have changed places: gamma multiplies, beta is added.',
    },
    {
      answer: layerNormWith({ affine: (y, gamma, beta) => gamma * (y + beta) }),
      hint: 'beta is added before gamma multiplies, so it is scaled as well. Multiply first.',
    },
    {
      answer: layerNormWith({ centre: () => 0, deviation: (x, eps) => Math.sqrt(spread(x, 0) / x.length + eps) }),
      hint: 'No mean is subtracted: that is RMSNorm, which other models have.',
    },
  ],
});

/** erf in float64: a series without cancellation. */
function erf(z: number): number {
  if (Math.abs(z) > 6) return Math.sign(z);
  let [term, total] = [z, z];
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(total); n++) total += term *= (2 * z * z) / (2 * n + 1);
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-z * z) * total;
}

/** Number by number. */
const each =
  (f: (x: number) => number) =>
  (x: number[]): number[] =>
    x.map(f);

const TANH_SCALE = Math.sqrt(2 / Math.PI);

const gelu = functionExercise<[x: number[]], number[]>({
  spec: 'gelu(x): x * Phi(x) of each number, Phi the distribution function of the normal distribution, by erf.',
  hints: [
    'Phi goes from 0 to 1, erf from -1 to 1: Phi(x) = (1 + erf(something)) / 2.',
    'The exponent of the normal density is -t^2 / 2, that of erf -t^2: Phi(x) = (1 + erf(x / sqrt(2))) / 2. Then multiply by x.',
  ],
  cases: drawCases(
    802,
    [1, 2, 3, 5, 8, 16, 33, 100].flatMap((N) => [0.2, 1, 6].map((scale) => ({ N, scale }))),
    ({ N, scale }) => `N = ${N}, x = ${scale} randn`,
    ({ N, scale }, draw) => [draw.list(N, scale)],
  ),
  expected: each((x) => (x / 2) * (1 + erf(x / Math.SQRT2))),
  mistakes: [
    {
      answer: each((x) => (x / 2) * (1 + Math.tanh(TANH_SCALE * (x + 0.044715 * x ** 3)))),
      hint: 'This is the form with tanh, which only comes near to GELU. MiniLM was trained with erf.',
    },
    {
      answer: each((x) => x / (1 + Math.exp(-1.702 * x))),
      hint: 'This is x times the logistic function of 1.702 x, which only comes near to GELU. MiniLM was trained with erf.',
    },
    {
      answer: each((x) => x * (1 + erf(x / Math.SQRT2))),
      hint: 'Twice too much: 1 + erf goes from 0 to 2, a probability from 0 to 1.',
    },
    {
      answer: each((x) => (x / 2) * (1 + erf(x))),
      hint: 'erf(x) has exp(-t^2) inside, the normal distribution exp(-t^2 / 2): x has to be divided by sqrt(2) first.',
    },
    {
      answer: each((x) => (1 + erf(x / Math.SQRT2)) / 2),
      hint: 'This is Phi(x) alone. GELU is x times that.',
    },
  ],
});

type PoolInput = [hidden: number[][], mask: number[]];

const column = (rows: readonly Numbers[], c: number): number[] => rows.map((row) => row[c]);
const tokens = (hidden: readonly number[][], mask: Numbers): number[][] => hidden.filter((_, i) => mask[i]);
const unit = (x: Numbers, length = norm(x)): number[] => x.map((value) => value / length);

/** What `of` makes of each column of the rows. */
const columns = (rows: readonly Numbers[], of: (column: number[]) => number): number[] =>
  rows[0].map((_, c) => of(column(rows, c)));

/** Tokens and padding; from left, right, or in between. */
const PADDED = [
  ...[
    [1, 1],
    [2, 1],
    [2, 2],
    [5, 3],
    [8, 1],
    [9, 9],
    [16, 13],
    [33, 20],
  ].flatMap(([N, count]) =>
    (['right', 'left'] as const).map((side, n) => ({ N, count, d: [2, 5, 16][(N + n) % 3], side })),
  ),
  ...[6, 12, 31, 64].map((N) => ({ N, count: Math.ceil(N / 2), d: 8, side: 'between' as const })),
];

function maskOf({ N, count, side }: (typeof PADDED)[number]): number[] {
  const token = {
    right: (i: number) => i < count,
    left: (i: number) => i >= N - count,
    between: (i: number) => i % 2 === 0,
  }[side];
  return Array.from({ length: N }, (_, i) => Number(token(i)));
}

const meanPooling = functionExercise<PoolInput, number[]>({
  spec: 'meanPool(hidden, mask): the mean of the rows of hidden whose mask is 1, divided by its length, so that its length is 1.',
  hints: [
    'Only rows with mask 1 count, wherever they are. The length of a vector is the root of the sum of its squares.',
    'Add up the rows with mask 1 and divide by sqrt(sum of squares). By how many rows the sum was divided does not matter then.',
  ],
  cases: drawCases(
    803,
    PADDED,
    ({ N, count, d, side }) => `N = ${N}, ${count} x 1, d = ${d}, 0 ${{ right: '→', left: '←', between: '↔' }[side]}`,
    (size, draw) => [draw.matrix(size.N, size.d, 2), maskOf(size)],
  ),
  expected: (hidden, mask) => unit(columns(tokens(hidden, mask), mean)),
  mistakes: [
    {
      answer: (hidden) => unit(columns(hidden, mean)),
      hint: 'Padding takes part in the mean. Leave out the rows whose mask is 0.',
    },
    {
      answer: (hidden, mask) => columns(tokens(hidden, mask), mean),
      hint: 'The mean is right, but its length is not 1: divide by the root of the sum of its squares.',
    },
    {
      answer: (hidden, mask) => columns(tokens(hidden, mask), sum).map((x) => x / hidden.length),
      hint: 'The sum over the tokens is divided by the number of rows, padding included, and not brought to length 1.',
    },
    {
      answer: (hidden, mask) => {
        const pooled = columns(tokens(hidden, mask), mean);
        return unit(pooled, norm(pooled) ** 2);
      },
      hint: 'The division is by the sum of the squares; the length is its root.',
    },
    {
      answer: (hidden, mask) => unit(hidden[mask.indexOf(1)]),
      hint: 'This is the first token alone, as BERT itself takes it ([CLS]). This model takes the mean of all tokens.',
    },
    {
      answer: (hidden, mask) => unit(columns(tokens(hidden, mask), (x) => Math.max(...x))),
      hint: 'This is the largest of each column, not the mean.',
    },
    {
      answer: (hidden, mask) =>
        columns(
          tokens(hidden, mask).map((row) => unit(row)),
          mean,
        ),
      hint: 'Each token is brought to length 1 before the mean is taken. Take the mean first, then its length.',
    },
  ],
});

export const transformer = {
  'word-pieces': wordPieces,
  'layer-norm': layerNorm,
  gelu,
  'mean-pooling': meanPooling,
};
