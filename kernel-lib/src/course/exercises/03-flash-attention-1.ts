import { functionExercise } from '../definition';
import { drawCases } from '../draw';
import { attendPlainly, largestScore, type Attended } from '../plain-attention';
import type { SoftmaxState } from './01-softmax';
import { flash1Wgsl } from './03-flash-attention-1-wgsl';
import { tileLabel, type Tiles } from './03-flash-attention-1-tiles';

/** Numbers on chip and head sizes; few divide without a rest, some leave less than a row, some are far above 4 d². */
const CHIPS: readonly (readonly [M: number, d: number])[] = [
  ...[1000, 4096, 8192, 10000, 12288, 24576, 49152, 98304].map((M) => [M, 64] as const),
  ...[1000, 8192, 25000, 58368].map((M) => [M, 128] as const),
  ...[100, 1024, 4100, 8192].map((M) => [M, 16] as const),
  [8192, 256],
  [1000, 256],
  [1, 1],
  [7, 2],
  [37, 3],
  [16384, 80],
  [65536, 96],
];

const tilesOf = (M: number, d: number): Tiles => {
  const bc = Math.ceil(M / (4 * d));
  return { bc, br: Math.min(bc, d) };
};

/** Tiles with `bc` keys and queries as they should be. */
const withKeys = (bc: number, d: number): Tiles => ({ bc, br: Math.min(bc, d) });

const tileSizes = functionExercise<[M: number, d: number], Tiles>({
  spec: 'tileSizes(M, d): { bc, br }, the rows of a tile of keys and of a tile of queries, for M numbers of on-chip memory and head size d.',
  hints: [
    'A tile of keys has bc rows of d numbers, so it takes bc * d numbers. Set that to a quarter of M, and solve for bc.',
    'S has br * bc numbers and a tile of keys bc * d. Which br makes the first no larger than the second?',
    'bc = Math.ceil(M / (4 * d)), and br is the smaller one of bc and d.',
  ],
  cases: drawCases(
    301,
    CHIPS,
    ([M, d]) => `M = ${M}, d = ${d}`,
    ([M, d]) => [M, d],
  ),
  expected: tilesOf,
  tolerance: 'exact',
  mistakes: [
    {
      answer: (M, d) => withKeys(Math.floor(M / (4 * d)), d),
      hint: 'The quotient is rounded down. The paper rounds up, and so there is always one row at least: Math.ceil.',
    },
    {
      answer: (M, d) => ({ bc: tilesOf(M, d).bc, br: tilesOf(M, d).bc }),
      hint: 'br is never capped: where M is more than 4 d * d, S = br x bc gets larger than a tile of keys. br is at most d.',
    },
    {
      answer: (M, d) => ({ bc: tilesOf(M, d).bc, br: Math.max(tilesOf(M, d).bc, d) }),
      hint: 'br is the larger one of bc and d. Both are upper bounds, so it has to be the smaller one.',
    },
    {
      answer: (M, d) => ({ bc: tilesOf(M, d).bc, br: d }),
      hint: 'br is always d: where M is less than 4 d * d that is more rows than the tile of keys has, and Q does not keep to its quarter.',
    },
    {
      answer: (M, d) => withKeys(Math.ceil((M / 4) * d), d),
      hint: 'M / 4 * d is (M / 4) times d. The quarter has to be divided by d: M / (4 * d).',
    },
    {
      answer: (M, d) => withKeys(Math.ceil(M / 4), d),
      hint: 'M / 4 is the number of numbers in a quarter; a row has d of them, so divide by d, too.',
    },
    {
      answer: (M, d) => withKeys(Math.ceil(M / d), d),
      hint: 'That many rows fill all of M with a single tile. Four tiles have to fit, a quarter of M for each.',
    },
    {
      answer: (M, d) => withKeys(Math.ceil(M / (16 * d)), d),
      hint: 'M is divided by the 4 bytes of a number once more, but M counts numbers already, not bytes.',
    },
  ],
});

/** What can go wrong in a visit of a row to a tile of keys; all of it right here. */
const RIGHT = {
  /** What the old O is multiplied by, from exp(m - m_new) and the old l. */
  old: (factor: number, l: number) => factor * l,
  /** exp(m - m_new). */
  shrink: (m: number, mNew: number) => Math.exp(m - mNew),
  /** exp(m_tile - m_new). */
  grow: (mTile: number, mNew: number) => Math.exp(mTile - mNew),
  /** What O is divided by. */
  divisor: (l: number) => l,
  /** Whether a tile without an allowed key changes nothing. */
  skipsEmpty: true,
};

type Visit = typeof RIGHT;

/** Lines 10 to 12 for one row. */
function visit({ m, l, o }: SoftmaxState, s: readonly number[], v: readonly number[][], how: Visit): SoftmaxState {
  const mTile = Math.max(...s);
  if (how.skipsEmpty && mTile === -Infinity) return { m, l, o };
  const p = s.map((each) => Math.exp(each - mTile));
  const mNew = Math.max(m, mTile);
  const [shrink, grow] = [how.shrink(m, mNew), how.grow(mTile, mNew)];
  const lNew = shrink * l + grow * p.reduce((a, b) => a + b, 0);
  const sum = (c: number): number => p.reduce((total, each, y) => total + each * v[y][c], 0);
  return {
    m: mNew,
    l: lNew,
    o: o.map((each, c) => (how.old(shrink, l) * each + grow * sum(c)) / how.divisor(lNew)),
  };
}

/** A row that has seen `seen` keys meets a tile of `bc`; `hidden` says which of these the mask forbids. */
const VISITS = [
  ...[1, 2, 8, 13, 32].flatMap((bc) => [
    { seen: 0, bc, scale: 1, hidden: 'none' },
    { seen: 16, bc, scale: 3, hidden: 'none' },
  ]),
  ...[1, 5, 40].flatMap((seen) => [
    { seen, bc: 8, scale: 30, hidden: 'none' },
    { seen, bc: 16, scale: 2, hidden: 'some' },
  ]),
  ...[1, 64].map((seen) => ({ seen, bc: 16, scale: 0.1, hidden: 'none' })),
  ...[0, 7, 33].flatMap((seen) => [
    { seen, bc: 4, scale: 2, hidden: 'all' },
    { seen, bc: 9, scale: 2, hidden: 'some' },
  ]),
] as const;

const update = functionExercise<[state: SoftmaxState, s: number[], v: number[][]], SoftmaxState>({
  spec: 'update({ m, l, o }, s, v): { m, l, o } of a row after a tile of keys, with o divided by l before and after; s are its scores with these keys, v their values.',
  hints: [
    'Line 10 first, as if the tile were alone: mTile, p = exp(s - mTile), lTile. Then line 11 merges the two sums as in notebook 1.',
    'l * o is the plain sum that notebook 1 called o. Multiply, merge, divide by the new l.',
    'With a = exp(m - mNew) and b = exp(mTile - mNew): lNew = a * l + b * lTile, and o = (a * l * o + b * the sum of p[y] * v[y]) / lNew.',
    'A tile in which every score is -Infinity has exp(-Infinity - (-Infinity)), which is NaN: return the state as it is.',
  ],
  cases: drawCases(
    302,
    VISITS.map((size, n) => ({ ...size, D: [1, 3, 8][n % 3], shift: [0, 50, -50][n % 3] })),
    ({ seen, bc, D, scale, hidden }) =>
      `j0 = ${seen}, bc = ${bc}, d = ${D}, s = ${scale} randn` + { none: '', some: ', -∞', all: ', s = -∞' }[hidden],
    ({ seen, bc, D, scale, shift, hidden }, draw) => {
      const none: SoftmaxState = { m: -Infinity, l: 0, o: new Array<number>(D).fill(0) };
      const before = visit(
        none,
        [...draw.list(seen, scale), ...(seen ? [] : [-Infinity])],
        draw.matrix(seen, D),
        RIGHT,
      );
      const allowed = (y: number): boolean => hidden === 'none' || (hidden === 'some' && y % 3 === 1);
      const s = draw.list(bc, scale).map((each, y) => (allowed(y) ? each + shift : -Infinity));
      return [before, s, draw.matrix(bc, D)];
    },
  ),
  expected: (state, s, v) => visit(state, s, v, RIGHT),
  tolerance: { maxAbsScore: ({ m }, s) => Math.max(0, ...[m, ...s].filter(Number.isFinite).map(Math.abs)) },
  mistakes: [
    {
      answer: (state, s, v) => visit(state, s, v, { ...RIGHT, old: (factor) => factor }),
      hint: 'The old o comes divided by the old l. Multiply it by l before anything is added to it.',
    },
    {
      answer: (state, s, v) => visit(state, s, v, { ...RIGHT, divisor: () => 1 }),
      hint: 'o is not divided by the new l. FlashAttention-1 keeps it divided all the time: line 12 begins with diag(l_new) to the power of -1.',
    },
    {
      answer: (state, s, v) => visit(state, s, v, { ...RIGHT, shrink: (m) => (m === -Infinity ? 0 : 1) }),
      hint: 'The old part is not rescaled: its exponentials were taken from the old m, so l and l * o need the factor exp(m - mNew).',
    },
    {
      answer: (state, s, v) => visit(state, s, v, { ...RIGHT, grow: () => 1 }),
      hint: 'The new part is not rescaled: p was taken from the maximum of the tile, so lTile and the sum of p * v need the factor exp(mTile - mNew).',
    },
    {
      answer: (state, s, v) => visit(state, s, v, { ...RIGHT, skipsEmpty: false }),
      hint: 'A tile in which every score is -Infinity gives NaN: -Infinity - (-Infinity) is NaN. Such a tile changes nothing.',
    },
  ],
});

/** What can go wrong around the visits. */
const WHOLE = {
  visit: RIGHT,
  scale: (d: number) => 1 / Math.sqrt(d),
  /** Numbers of tiles. */
  countQueries: Math.ceil,
  countKeys: Math.ceil,
  /** From one tile of queries to the next. */
  step: ({ br }: Tiles) => br,
  /** Whether the last tile is filled up with keys and values of 0. */
  padded: false,
  dividedAgain: false,
  lse: (m: number, l: number) => m + Math.log(l),
};

type Flash1 = (q: number[][], k: number[][], v: number[][], tiles: Tiles) => Attended;

const walk =
  (changes: Partial<typeof WHOLE>): Flash1 =>
  (q, k, v, { br, bc }) => {
    const how = { ...WHOLE, ...changes };
    const [N, d] = [q.length, q[0].length];
    const rows = q.map((): SoftmaxState => ({ m: -Infinity, l: 0, o: new Array<number>(d).fill(0) }));
    const step = how.step({ br, bc });
    for (let j = 0; j < how.countKeys(N / bc); j++) {
      const tile = (of: number[][]): number[][] => {
        const there = of.slice(j * bc, (j + 1) * bc);
        return how.padded ? Array.from({ length: bc }, (_, y) => there[y] ?? new Array<number>(d).fill(0)) : there;
      };
      const [kj, vj] = [tile(k), tile(v)];
      for (let i = 0; i < how.countQueries(N / br); i++) {
        for (let row = i * step; row < Math.min(i * step + br, N); row++) {
          const s = kj.map((key) => how.scale(d) * key.reduce((sum, each, c) => sum + each * q[row][c], 0));
          rows[row] = visit(rows[row], s, vj, how.visit);
        }
      }
    }
    return {
      out: rows.map(({ l, o }) => (how.dividedAgain ? o.map((each) => each / l) : o)),
      lse: rows.map(({ m, l }) => how.lse(m, l)),
    };
  };

/** N 1, smaller than a tile, a multiple of one side or of both or of none. */
const TILINGS: readonly (readonly [N: number, d: number, br: number, bc: number])[] = [
  ...[1, 5, 31, 32, 33, 48, 64].map((N) => [N, 8, 16, 16] as const),
  ...[1, 7, 16, 50, 64].map((N) => [N, 4, 8, 16] as const),
  ...[3, 16, 37, 64].map((N) => [N, 4, 32, 8] as const),
  ...[1, 6, 20].map((N) => [N, 1, 1, 1] as const),
  ...[9, 40].map((N) => [N, 3, 7, 5] as const),
  [10, 16, 64, 64],
  [24, 2, 24, 1],
];

const flash1 = functionExercise<Parameters<Flash1>, Attended>({
  spec: 'flash1(q, k, v, { br, bc }): { out, lse } of q, k, v (N,d), walking over the tiles as Algorithm 1 does; scores are q.k / sqrt(d), lse is m + log(l).',
  hints: [
    'Three loops: tiles of keys, in each of them tiles of queries, in each of these the rows. out, l and m have N entries and live outside of all loops.',
    'slice(j * bc, (j + 1) * bc) is a tile of keys; it ends at the end of the list by itself. Queries are cut by br, not by bc.',
    'For each row: its scores with the keys of the tile, divided by sqrt(d); then what `update` does. No division after the loops: out is divided by l already.',
  ],
  cases: drawCases(
    303,
    TILINGS.map(([N, d, br, bc], n) => ({ N, d, br, bc, scale: [1, 12, 0.2][n % 3], lift: [0, 0, -30, 30][n % 4] })),
    tileLabel,
    ({ N, d, br, bc, scale, lift }, draw) => {
      // With q and k of opposite or like signs in one column all scores are far from 0.
      const raise = (rows: number[][], by: number): number[][] => rows.map(([first, ...rest]) => [first + by, ...rest]);
      return [
        raise(draw.matrix(N, d, scale), lift === 0 ? 0 : 6),
        raise(draw.matrix(N, d, scale), lift / 6),
        draw.matrix(N, d),
        { br, bc },
      ];
    },
  ),
  expected: (q, k, v) => attendPlainly(q, k, v),
  tolerance: { maxAbsScore: (q, k) => largestScore(q, k) },
  mistakes: [
    {
      answer: walk({ step: ({ bc }) => bc }),
      hint: 'Tiles of queries begin at i * bc. That is the offset of the keys: tile i of the queries begins at i * br.',
    },
    {
      answer: walk({ padded: true }),
      hint: 'The last tile of keys is filled up with zeros, and these keys take part with the score 0. Keys that do not exist have the score -Infinity.',
    },
    {
      answer: walk({ countKeys: Math.floor }),
      hint: 'The last tile of keys is left out where N is no multiple of bc: there are ceil(N / bc) of them.',
    },
    {
      answer: walk({ countQueries: Math.floor }),
      hint: 'The last tile of queries is left out where N is no multiple of br: there are ceil(N / br) of them.',
    },
    {
      answer: walk({ visit: { ...RIGHT, old: (factor) => factor } }),
      hint: 'The old row of out comes divided by the old l. Multiply it by l before anything is added (line 12).',
    },
    {
      answer: walk({ visit: { ...RIGHT, shrink: (m) => (m === -Infinity ? 0 : 1) } }),
      hint: 'When a tile brings a larger maximum, what came before has to shrink: l and l * out need the factor exp(m - mNew).',
    },
    {
      answer: walk({ dividedAgain: true }),
      hint: 'out is divided by l in line 12 and again at the end. In FlashAttention-1 it is divided all the time.',
    },
    {
      answer: walk({ scale: () => 1 }),
      hint: 'The scores are not divided by sqrt(d).',
    },
    {
      answer: walk({ lse: (_m, l) => Math.log(l) }),
      hint: 'lse is log(l) alone: l was summed from exp(s - m), so m has to be added.',
    },
  ],
});

export const flashAttention1 = {
  'tile-sizes': tileSizes,
  'flash1-row-update': update,
  'flash1-forward': flash1,
  'flash1-wgsl': flash1Wgsl,
};
