import type { Definition } from '../definition';
import { functionExercise } from '../definition';
import { drawCases } from '../draw';
import { attendPlainly, dot, largestScore, type Attended } from '../plain-attention';
import { ioFlash1, ioFlash2 } from './04-flash-attention-2-traffic';
import { flash2Wgsl } from './04-flash-attention-2-wgsl';

/** Queries and keys of a tile. */
export interface Tile {
  br: number;
  bc: number;
}

type Head = [q: number[][], k: number[][], v: number[][], tile: Tile];

/** What differs between the right loop and its mistakes. */
interface Loop {
  /** What l and acc are multiplied by when m goes from `before` to `after`. */
  readonly rescaleL: (before: number, after: number) => number;
  readonly rescale: (before: number, after: number) => number;
  readonly lse: (m: number, l: number) => number;
  readonly divide: 'once' | 'always';
  /** How many tiles there are in `length` rows. */
  readonly queryTiles: (length: number, size: number) => number;
  readonly keyTiles: (length: number, size: number) => number;
  readonly scale: (D: number) => number;
}

const tilesOf = (length: number, size: number): number => Math.ceil(length / size);
const wholeTiles = (length: number, size: number): number => Math.floor(length / size);
const shrink = (before: number, after: number): number => Math.exp(before - after);

const RIGHT: Loop = {
  rescaleL: shrink,
  rescale: shrink,
  lse: (m, l) => m + Math.log(l),
  divide: 'once',
  queryTiles: tilesOf,
  keyTiles: tilesOf,
  scale: (D) => 1 / Math.sqrt(D),
};

/** One row of queries over all tiles of keys. */
function attendRow(qi: number[], k: number[][], v: number[][], bc: number, loop: Loop): { o: number[]; lse: number } {
  let [m, l, acc] = [-Infinity, 0, v[0].map(() => 0)];
  for (let tile = 0; tile < loop.keyTiles(k.length, bc); tile++) {
    const [begin, end] = [tile * bc, Math.min((tile + 1) * bc, k.length)];
    const s = k.slice(begin, end).map((kj) => loop.scale(qi.length) * dot(qi, kj));
    const next = Math.max(m, ...s);
    const p = s.map((x) => Math.exp(x - next));
    const factor = loop.rescale(m, next);
    l = l * loop.rescaleL(m, next) + p.reduce((a, b) => a + b, 0);
    acc = acc.map((x, c) => x * factor + p.reduce((sum, each, j) => sum + each * v[begin + j][c], 0));
    if (loop.divide === 'always') acc = acc.map((x) => x / l);
    m = next;
  }
  return { o: loop.divide === 'always' ? acc : acc.map((x) => x / l), lse: loop.lse(m, l) };
}

const flash2With =
  (changes: Partial<Loop> = {}) =>
  (...[q, k, v, { br, bc }]: Head): Attended => {
    const loop = { ...RIGHT, ...changes };
    const rows = q.slice(0, loop.queryTiles(q.length, br) * br).map((qi) => attendRow(qi, k, v, bc, loop));
    return { out: rows.map(({ o }) => o), lse: rows.map(({ lse }) => lse) };
  };

/** `size` is the standard deviation of q; with `below`, all scores are negative. */
const HEADS = [
  { Nq: 1, Nk: 1, D: 4, Dv: 4, br: 4, bc: 4, size: 1, below: false },
  { Nq: 1, Nk: 37, D: 8, Dv: 8, br: 8, bc: 8, size: 1, below: false },
  { Nq: 37, Nk: 1, D: 8, Dv: 8, br: 8, bc: 8, size: 1, below: true },
  ...[3, 8, 15, 16, 17, 32, 33, 50, 64].flatMap((N, n) => [
    { Nq: N, Nk: N, D: 8, Dv: 8, br: 16, bc: 16, size: [1, 10, 200][n % 3], below: false },
    { Nq: N, Nk: N, D: 5, Dv: 3, br: [4, 32, 7][n % 3], bc: [32, 4, 7][n % 3], size: 3, below: n % 2 === 0 },
  ]),
  { Nq: 20, Nk: 45, D: 16, Dv: 4, br: 8, bc: 12, size: 2, below: false },
  { Nq: 45, Nk: 20, D: 2, Dv: 9, br: 64, bc: 1, size: 2, below: true },
  { Nq: 10, Nk: 10, D: 1, Dv: 1, br: 1, bc: 128, size: 1, below: false },
];

const flash2Forward = functionExercise<Head, Attended>({
  spec: 'flash2(q, k, v, { br, bc }): { out, lse } of attention with scale 1/sqrt(D), a tile of br queries after the other, each over tiles of bc keys.',
  hints: [
    'Two loops: for (i0 = 0; i0 < Nq; i0 += br) outside, for (j0 = 0; j0 < Nk; j0 += bc) inside. m, l and acc of the br queries are made new in each turn of the outer loop.',
    'slice(i0, i0 + br) and slice(j0, j0 + bc) end at the end of the list, so the last tiles are shorter by themselves.',
    'In the inner loop, for each row r of the tile: next = max(m[r], its scores), p = exp(s - next), alpha = exp(m[r] - next), l[r] = alpha * l[r] + sum(p), acc[r] = alpha * acc[r] + the sum of p[j] * v[j], m[r] = next.',
    'Behind the inner loop, for each row: out = acc[r] / l[r] and lse = m[r] + Math.log(l[r]).',
  ],
  cases: drawCases(
    401,
    HEADS,
    ({ Nq, Nk, D, Dv, br, bc }) => `Nq = ${Nq}, Nk = ${Nk}, D = ${D}, Dv = ${Dv}, br = ${br}, bc = ${bc}`,
    ({ Nq, Nk, D, Dv, br, bc, size, below }, draw) => {
      const [q, k, v] = [draw.matrix(Nq, D, size), draw.matrix(Nk, D), draw.matrix(Nk, Dv)];
      if (!below) return [q, k, v, { br, bc }];
      const signed = (rows: number[][], sign: number): number[][] =>
        rows.map((row) => row.map((x) => sign * (1 + Math.abs(x))));
      return [signed(q, 1), signed(k, -1), v, { br, bc }];
    },
  ),
  expected: (q, k, v) => attendPlainly(q, k, v),
  tolerance: {
    maxAbsScore: (q, k) => largestScore(q, k),
  },
  mistakes: [
    {
      answer: flash2With({ rescale: (before) => (before === -Infinity ? 0 : 1) }),
      hint: 'acc is not rescaled: what it holds was summed with the old maximum. When m grows, acc is multiplied by exp(mOld - mNew), as l is.',
    },
    {
      answer: flash2With({ rescale: (before, after) => 1 / shrink(before, after) }),
      hint: 'acc is divided by exp(mOld - mNew); it has to be multiplied by it. (Printed versions of the paper have an inverse in that line. With it the first tile gives 0 * Infinity, which is NaN.)',
    },
    {
      answer: flash2With({ rescaleL: () => 1 }),
      hint: 'acc is rescaled when the maximum grows, l is not.',
    },
    {
      answer: flash2With({ divide: 'always' }),
      hint: 'acc is divided by l in every tile, so what was divided before is divided again. FlashAttention-2 divides once, after the inner loop.',
    },
    {
      answer: flash2With({ lse: (m, l) => m + l }),
      hint: 'out is right. lse is m + l, but the logarithm of exp(m) * l is m + log(l).',
    },
    {
      answer: flash2With({ lse: (_, l) => Math.log(l) }),
      hint: 'out is right. lse is log(l), but l is the sum of exp(s - m): the m that was subtracted has to be added again.',
    },
    {
      answer: flash2With({ keyTiles: wholeTiles }),
      hint: 'The last tile of keys is left out where Nk is no multiple of bc.',
    },
    {
      answer: flash2With({ queryTiles: wholeTiles }),
      hint: 'The last tile of queries is left out where Nq is no multiple of br.',
    },
    {
      answer: flash2With({ scale: () => 1 }),
      hint: 'The scores are not scaled: s = q . k / sqrt(D).',
    },
  ],
});

/** Queries, keys and tiles under a causal mask. */
export interface MaskedSizes extends Tile {
  Nq: number;
  Nk: number;
}

export type TileKind = (sizes: MaskedSizes, queryTile: number, keyTile: number) => number;

/** The kind of every tile, a row for each tile of queries. */
const everyTile = (kind: TileKind, sizes: MaskedSizes): number[][] =>
  Array.from({ length: tilesOf(sizes.Nq, sizes.br) }, (_, i) =>
    Array.from({ length: tilesOf(sizes.Nk, sizes.bc) }, (_, j) => kind(sizes, i, j)),
  );

/** By looking at every pair. */
const kindByPairs: TileKind = ({ Nq, Nk, br, bc }, queryTile, keyTile) => {
  let [seen, all] = [0, 0];
  for (let i = queryTile * br; i < Math.min((queryTile + 1) * br, Nq); i++) {
    for (let j = keyTile * bc; j < Math.min((keyTile + 1) * bc, Nk); j++) {
      all++;
      if (j <= i + Nk - Nq) seen++;
    }
  }
  return seen === 0 ? 0 : seen === all ? 2 : 1;
};

/** By two corners; the changes are mistakes. */
const kindByCorners =
  ({
    shift = ({ Nq, Nk }: MaskedSizes): number => Nk - Nq,
    lastQuery = (sizes: MaskedSizes, i: number): number => Math.min((i + 1) * sizes.br, sizes.Nq) - 1,
    lastKey = (sizes: MaskedSizes, j: number): number => Math.min((j + 1) * sizes.bc, sizes.Nk) - 1,
    full = (key: number, bound: number): boolean => key <= bound,
  } = {}): TileKind =>
  (sizes, i, j) => {
    if (j * sizes.bc > lastQuery(sizes, i) + shift(sizes)) return 0;
    return full(lastKey(sizes, j), i * sizes.br + shift(sizes)) ? 2 : 1;
  };

const GRIDS: MaskedSizes[] = [
  ...[1, 2, 7, 8, 9, 31, 32, 33, 64].map((N) => ({ Nq: N, Nk: N, br: 8, bc: 8 })),
  ...[5, 16, 17, 40].flatMap((N) => [
    { Nq: N, Nk: N, br: 16, bc: 4 },
    { Nq: N, Nk: N, br: 4, bc: 16 },
  ]),
  { Nq: 1, Nk: 30, br: 4, bc: 4 },
  { Nq: 10, Nk: 37, br: 4, bc: 8 },
  { Nq: 13, Nk: 29, br: 5, bc: 3 },
  { Nq: 37, Nk: 10, br: 8, bc: 4 },
  { Nq: 29, Nk: 13, br: 3, bc: 5 },
  { Nq: 30, Nk: 1, br: 7, bc: 2 },
  { Nq: 6, Nk: 6, br: 64, bc: 64 },
  { Nq: 6, Nk: 6, br: 1, bc: 1 },
];

const tileKind: Definition<TileKind, [sizes: MaskedSizes], number[][]> = {
  spec: 'tileKind({ Nq, Nk, br, bc }, queryTile, keyTile): 0 for an empty tile, 1 for a partial, 2 for a full one, where query i sees the keys j <= i + Nk - Nq.',
  hints: [
    'The tile holds queries i0 to i1 and keys j0 to j1, all included. i0 = queryTile * br; what is j1 in the last tile, which may have fewer than bc keys?',
    'i1 = Math.min(i0 + br, Nq) - 1 and j1 = Math.min(j0 + bc, Nk) - 1. If even the last query does not see the first key, no query of the tile sees anything.',
    'Empty: j0 > i1 + Nk - Nq. Full: j1 <= i0 + Nk - Nq. All others are partial.',
  ],
  cases: GRIDS.map((sizes) => ({
    label: `Nq = ${sizes.Nq}, Nk = ${sizes.Nk}, br = ${sizes.br}, bc = ${sizes.bc}`,
    input: [sizes],
  })),
  expected: (sizes) => everyTile(kindByPairs, sizes),
  run: (answer, sizes) => everyTile(answer, sizes),
  untouched: () => false,
  tolerance: 'exact',
  mistakes: [
    {
      answer: kindByCorners({ shift: () => 0 }),
      hint: 'That is the mask j <= i, aligned at the top left. Here the last query is level with the last key: add Nk - Nq.',
    },
    {
      answer: kindByCorners({ shift: ({ Nq, Nk }) => Nq - Nk }),
      hint: 'The shift has the wrong sign: it is Nk - Nq, so that more keys than queries let every query see more.',
    },
    {
      answer: kindByCorners({ full: (key, bound) => key < bound }),
      hint: 'Off by one: query i sees key i + Nk - Nq itself, so a tile whose last key is exactly there for its first query is full.',
    },
    {
      answer: kindByCorners({ lastQuery: ({ br, Nq }, i) => Math.min((i + 1) * br, Nq) }),
      hint: 'Off by one: i0 + br is the first query after the tile. The last one in it is one less, and so a tile that you call partial is empty.',
    },
    {
      answer: kindByCorners({ lastKey: ({ bc }, j) => (j + 1) * bc - 1 }),
      hint: 'The last tile of keys is taken for a whole one. It ends at Nk - 1: keys that do not exist are not forbidden.',
    },
    {
      answer: kindByCorners({ full: () => false }),
      hint: 'No tile is full. A tile in which every query sees every key needs no mask at all: that is kind 2.',
    },
  ],
};

export const flashAttention2 = {
  'flash2-forward': flash2Forward,
  'io-flash1': ioFlash1,
  'io-flash2': ioFlash2,
  'tile-kind': tileKind,
  'flash2-wgsl': flash2Wgsl,
};
