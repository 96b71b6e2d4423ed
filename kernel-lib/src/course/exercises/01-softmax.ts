import { functionExercise } from '../definition';
import { drawCases } from '../draw';
import { largest, softmax as softmaxOf } from '../plain-attention';

/** m, l and o of a part of a row: the maximum, the sum of exp(x - m), and the sum of exp(x - m) v. */
export interface SoftmaxState {
  m: number;
  l: number;
  o: number[];
}

/** Rows of numbers, small and huge, of both signs. */
const ROWS = [1, 2, 3, 5, 8, 13, 31, 32, 33, 64, 100, 257].flatMap((N, n) => [
  { N, scale: 1, shift: 0 },
  { N, scale: [3, 30, 300][n % 3], shift: [0, 1000, -1000][n % 3] },
]);

const safeSoftmax = functionExercise<[x: number[]], number[]>({
  spec: 'safeSoftmax(x): softmax of a list of numbers, finite however large they are.',
  hints: [
    'exp(x) overflows in float64 above 709. Nothing changes if the same number is subtracted from every x before exp: which one makes all exponents at most 0?',
    'm = max(x); f[j] = exp(x[j] - m); divide by the sum of f.',
  ],
  cases: drawCases(
    101,
    ROWS,
    ({ N, scale, shift }) => `N = ${N}, x = ${shift} + ${scale} randn`,
    ({ N, scale, shift }, draw) => [draw.list(N, scale).map((x) => x + shift)],
  ),
  expected: (x) => softmaxOf(x),
  tolerance: { maxAbsScore: largest },
  mistakes: [
    {
      answer: (x) => softmaxOf(x, 0),
      hint: 'Nothing is subtracted before exp: exp(1000) is Infinity, and Infinity / Infinity is NaN.',
    },
    {
      answer: (x) => softmaxOf(x, Math.max(0, ...x)),
      hint: 'The maximum begins at 0, so it is too large for rows of negative numbers: every exp is 0 there, and 0 / 0 is NaN. Begin at -Infinity.',
    },
    {
      answer: (x) => softmaxOf(x, x.reduce((a, b) => a + b, 0) / x.length),
      hint: 'The mean is subtracted, not the maximum: numbers far above the mean still overflow.',
    },
    {
      answer: (x) => x.map((each) => Math.exp(each - Math.max(...x))),
      hint: 'The exponentials are right, but not divided by their sum: p must sum to 1.',
    },
  ],
});

/** Lengths and block sizes; most lengths are no multiple of the block. */
const BLOCKS = [
  ...[1, 2, 3, 7, 8, 9, 16, 17, 31, 33, 64, 100].map((N) => ({ N, bc: 8 })),
  ...[1, 5, 12, 13, 40, 65, 127, 250].map((N) => ({ N, bc: 13 })),
  ...[3, 10, 48].map((N) => ({ N, bc: 1 })),
  { N: 5, bc: 64 },
];

/** Every other row rises, so that the maximum grows in every block; all-negative rows are among them, too. */
const rising = (x: number[], n: number): number[] =>
  n % 3 === 0 ? x.map((each, j) => each + j / 4) : n % 3 === 1 ? x.map((each) => each - 60) : x;

const blocks = <T>(list: readonly T[], bc: number): T[][] =>
  Array.from({ length: Math.ceil(list.length / bc) }, (_, n) => list.slice(n * bc, (n + 1) * bc));

/** m and l block by block; `rescale` is what l is multiplied by when m goes from `before` to `after`. */
function stream(
  x: readonly number[],
  bc: number,
  rescale: (before: number, after: number) => number,
  { first = -Infinity, parts = blocks(x, bc) } = {},
): { m: number; l: number } {
  let [m, l] = [first, 0];
  for (const part of parts) {
    const next = Math.max(m, ...part);
    l = l * rescale(m, next) + part.reduce((sum, each) => sum + Math.exp(each - next), 0);
    m = next;
  }
  return { m, l };
}

const shrink = (before: number, after: number): number => Math.exp(before - after);

const onlineSum = functionExercise<[x: number[], bc: number], { m: number; l: number }>({
  spec: 'onlineSum(x, bc): { m, l }, the maximum of x and the sum of exp(x - m), reading x once, bc numbers at a time.',
  hints: [
    'After each block, m and l must be right for all numbers read so far. The old l was made with the old m.',
    'exp(x - mNew) = exp(x - mOld) exp(mOld - mNew), so the old l is to be multiplied by exp(mOld - mNew).',
    'Begin with m = -Infinity, l = 0; for each block: mNew = max(m, block), l = l * exp(m - mNew) + the sum of exp(x - mNew) over the block, m = mNew. The last block may be shorter.',
  ],
  cases: drawCases(
    102,
    BLOCKS.map((size, n) => ({ ...size, n })),
    ({ N, bc }) => `N = ${N}, bc = ${bc}`,
    ({ N, bc, n }, draw) => [rising(draw.list(N, 2), n), bc],
  ),
  expected: (x) => ({ m: Math.max(...x), l: x.reduce((sum, each) => sum + Math.exp(each - Math.max(...x)), 0) }),
  tolerance: { maxAbsScore: largest },
  mistakes: [
    {
      answer: (x, bc) => stream(x, bc, () => 1),
      hint: 'When m grows, the sum so far was made with the old m and has to be rescaled: l is multiplied by exp(mOld - mNew).',
    },
    {
      answer: (x, bc) => stream(x, bc, (before, after) => (before === -Infinity ? 0 : Math.exp(after - before))),
      hint: 'The factor is the wrong way round: exp(mNew - mOld) makes l larger, but measured from a larger maximum every term is smaller.',
    },
    {
      answer: (x, bc) => stream(x, bc, shrink, { first: 0 }),
      hint: 'm begins at 0, so it is wrong for rows without a positive number. Begin at -Infinity.',
    },
    {
      answer: (x, bc) => stream(x, bc, shrink, { parts: blocks(x, bc).filter((part) => part.length === bc) }),
      hint: 'The last block is left out where N is no multiple of bc.',
    },
  ],
});

/** Two parts of a row as states; either may be empty. */
const PAIRS = [
  ...[
    [1, 1, 1],
    [3, 5, 2],
    [8, 8, 4],
    [13, 2, 7],
    [1, 40, 3],
    [33, 31, 16],
    [64, 64, 8],
    [100, 1, 5],
  ].flatMap(([left, right, D]) => [
    { left, right, D, shift: 0 },
    { left, right, D, shift: 40 },
  ]),
  ...[
    [0, 5, 3],
    [7, 0, 3],
    [0, 0, 2],
    [0, 1, 1],
    [33, 0, 8],
  ].map(([left, right, D]) => ({ left, right, D, shift: 0 })),
];

function stateOf(x: readonly number[], v: readonly number[][], D: number): SoftmaxState {
  const m = Math.max(-Infinity, ...x);
  const f = x.map((each) => Math.exp(each - m));
  const o = Array.from({ length: D }, (_, c) => f.reduce((sum, each, j) => sum + each * v[j][c], 0));
  return { m, l: f.reduce((a, b) => a + b, 0), o };
}

/** Merges with the given factors for a and for b. */
const mergeWith =
  (factors: (a: SoftmaxState, b: SoftmaxState, m: number) => [l: [number, number], o: [number, number]]) =>
  (a: SoftmaxState, b: SoftmaxState): SoftmaxState => {
    const m = Math.max(a.m, b.m);
    const [l, o] = factors(a, b, m);
    return { m, l: a.l * l[0] + b.l * l[1], o: a.o.map((x, c) => x * o[0] + b.o[c] * o[1]) };
  };

/** exp(m - next) where a part without keys has m = -Infinity. */
const factor = (part: SoftmaxState, m: number): number => (part.m === -Infinity ? 0 : Math.exp(part.m - m));

const merge = mergeWith((a, b, m) => {
  const each: [number, number] = [factor(a, m), factor(b, m)];
  return [each, each];
});

const mergeStates = functionExercise<[a: SoftmaxState, b: SoftmaxState], SoftmaxState>({
  spec: 'mergeStates(a, b): { m, l, o } of two parts of a row together, from { m, l, o } of each; a part may be empty (m = -Infinity, l = 0, o = 0).',
  hints: [
    'The new maximum is m = max(a.m, b.m). Each l and each o was made with its own maximum: which factor turns it into one made with m?',
    'l = exp(a.m - m) a.l + exp(b.m - m) b.l, and the same two factors for every entry of o.',
    'Two empty parts: -Infinity - (-Infinity) is NaN. The factor of an empty part is 0, whatever the other one is.',
  ],
  cases: drawCases(
    103,
    PAIRS,
    ({ left, right, D, shift }) => `Na = ${left}, Nb = ${right}, D = ${D}, b = ${shift} + randn`,
    ({ left, right, D, shift }, draw) => {
      const part = (N: number, by: number): SoftmaxState =>
        stateOf(
          draw.list(N).map((x) => x + by),
          draw.matrix(N, D),
          D,
        );
      return [part(left, 0), part(right, shift)];
    },
  ),
  expected: (a, b) => merge(a, b),
  tolerance: { maxAbsScore: (a, b) => largest([a.m, b.m].filter(Number.isFinite)) },
  mistakes: [
    {
      answer: mergeWith(() => [
        [1, 1],
        [1, 1],
      ]),
      hint: 'The parts are added as they are, but each was made with its own maximum: multiply by exp(m of the part - m of both) first.',
    },
    {
      answer: mergeWith((a, b, m) => [
        [factor(a, m), factor(b, m)],
        [1, 1],
      ]),
      hint: 'l is rescaled and o is not; o is a sum of the same exponentials and needs the same factors.',
    },
    {
      answer: mergeWith((a, b, m) => {
        const each: [number, number] = [Math.exp(a.m - m), Math.exp(b.m - m)];
        return [each, each];
      }),
      hint: 'Two empty parts give NaN: -Infinity - (-Infinity) is NaN. An empty part has the factor 0.',
    },
    {
      answer: (a, b) => {
        const both = merge(a, b);
        return { ...both, o: both.o.map((x) => (both.l === 0 ? 0 : x / both.l)) };
      },
      hint: 'o is divided by l already. The state keeps the plain sum, so that it can be merged again; the division comes once, at the end.',
    },
  ],
});

/** One row of attention over its scores s, block by block; the factors say what becomes of l and o when m grows. */
function attendRow(
  s: readonly number[],
  v: readonly number[][],
  bc: number,
  { l: scaleL, o: scaleO, divide }: Record<'l' | 'o', typeof shrink> & { divide: 'once' | 'always' },
): number[] {
  let [m, l, o] = [-Infinity, 0, v[0].map(() => 0)];
  for (let begin = 0; begin < s.length; begin += bc) {
    const part = s.slice(begin, begin + bc);
    const next = Math.max(m, ...part);
    const p = part.map((each) => Math.exp(each - next));
    l = l * scaleL(m, next) + p.reduce((a, b) => a + b, 0);
    o = o.map((x, c) => x * scaleO(m, next) + p.reduce((sum, each, j) => sum + each * v[begin + j][c], 0));
    if (divide === 'always') o = o.map((x) => x / l);
    m = next;
  }
  return divide === 'always' ? o : o.map((x) => x / l);
}

const onlineAttention = functionExercise<[s: number[], v: number[][], bc: number], number[]>({
  spec: 'onlineAttention(s, v, bc): the sum of softmax(s)[j] * v[j], reading s and the rows of v once, bc at a time.',
  hints: [
    'Keep three things: m, l and o, as in the exercises above, and treat o as you treated l.',
    'For each block: mNew, p = exp(s - mNew), factor = exp(m - mNew); l = l * factor + sum(p); o = o * factor + the sum of p[j] * v[j].',
    'Divide by l once, after the last block.',
  ],
  cases: drawCases(
    104,
    BLOCKS.map((size, n) => ({ ...size, n, D: [1, 3, 8][n % 3] })),
    ({ N, bc, D }) => `N = ${N}, bc = ${bc}, D = ${D}`,
    ({ N, bc, D, n }, draw) => [rising(draw.list(N, 2), n), draw.matrix(N, D), bc],
  ),
  expected: (s, v, bc) => attendRow(s, v, Math.max(1, s.length, bc), { l: shrink, o: shrink, divide: 'once' }),
  tolerance: { maxAbsScore: largest },
  mistakes: [
    {
      answer: (s, v, bc) => attendRow(s, v, bc, { l: shrink, o: (m) => (m === -Infinity ? 0 : 1), divide: 'once' }),
      hint: 'l is rescaled when the maximum grows, o is not. o is a sum of exp(s - m) as well: it needs the same factor.',
    },
    {
      answer: (s, v, bc) => attendRow(s, v, bc, { l: () => 1, o: shrink, divide: 'once' }),
      hint: 'o is rescaled when the maximum grows, l is not.',
    },
    {
      answer: (s, v, bc) => attendRow(s, v, bc, { l: shrink, o: shrink, divide: 'always' }),
      hint: 'o is divided by l in every block, so what was divided before is divided again. Divide once, at the end.',
    },
  ],
});

export const softmax = {
  'safe-softmax': safeSoftmax,
  'merge-states': mergeStates,
  'online-sum': onlineSum,
  'online-attention': onlineAttention,
};
