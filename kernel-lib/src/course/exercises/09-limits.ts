import { functionExercise } from '../definition';
import { drawCases } from '../draw';

export interface Cut {
  warps: number;
  br: number;
  d: number;
}

const CUTS: Cut[] = [1, 2, 4, 8].flatMap((warps) =>
  [
    { br: 1, d: 1 },
    { br: 16, d: 32 },
    { br: 37, d: 20 },
    { br: 64, d: 64 },
    { br: 128, d: 128 },
  ].map((size) => ({ warps, ...size })),
);

const splitK = ({ warps, br, d }: Cut): number => (warps === 1 ? 0 : 2 * warps * br * (d + 2));

const splitTraffic = functionExercise<[sizes: Cut], { splitK: number; splitQ: number }>({
  spec: 'splitTraffic({ warps, br, d }): numbers written to and read from workgroup memory to merge the partial results of one tile, where warps cut its keys (splitK) or its queries (splitQ).',
  hints: [
    'If warps own whole rows, what is there to merge? If each warp has a part of the keys of every row, what does it know of each row?',
    'A partial result of a row is m, l and the d numbers of o. Each warp has one for every row; each is written once and read once.',
    '2 * warps * br * (d + 2) for cut keys, 0 for cut queries. And with a single warp?',
  ],
  cases: CUTS.map((cut) => ({ label: `warps = ${cut.warps}, br = ${cut.br}, d = ${cut.d}`, input: [cut] })),
  expected: (cut) => ({ splitK: splitK(cut), splitQ: 0 }),
  tolerance: 'exact',
  mistakes: [
    {
      answer: ({ warps, br, d }) => ({ splitK: 2 * warps * br * (d + 2), splitQ: 0 }),
      hint: 'One warp has all the keys: it has nothing to merge, and writes nothing.',
    },
    {
      answer: ({ warps, br, d }) => ({ splitK: warps === 1 ? 0 : 2 * warps * br * d, splitQ: 0 }),
      hint: 'm and l are missing: without them the parts of o cannot be merged.',
    },
    {
      answer: ({ warps, br, d }) => ({ splitK: warps === 1 ? 0 : warps * br * (d + 2), splitQ: 0 }),
      hint: 'Half of it: what is written has to be read as well.',
    },
    {
      answer: (cut) => ({ splitK: splitK(cut), splitQ: splitK(cut) }),
      hint: 'Where the queries are cut, a warp sees all the keys of its rows: splitQ is 0.',
    },
  ],
});

export interface Row {
  N: number;
  bc: number;
  d: number;
}

const LENGTHS: Row[] = [1, 15, 16, 17, 100, 128, 1000].flatMap((N, n) => [
  { N, bc: 16, d: 8 },
  { N, bc: 96, d: 64 },
  { N, bc: [1, 7, 33][n % 3], d: 5 },
]);

const work = ({ N, bc, d }: Row, tiles = Math.ceil(N / bc)): { flash1: number; flash2: number } => ({
  flash1: 3 * d * tiles,
  flash2: d * tiles + d,
});

const rescaleWork = functionExercise<[sizes: Row], { flash1: number; flash2: number }>({
  spec: 'rescaleWork({ N, bc, d }): multiplications and divisions of numbers of O by factors or by l for one row of N keys in tiles of bc, for both versions.',
  hints: [
    'How many tiles are there? Then: which operations happen in each of them, and which once?',
    'Version 1, in each tile: the old O times its factor, the product of the tile times its factor, the division by l: three times d.',
    'Version 2, in each tile: the old O times its factor. After the last one: d divisions.',
  ],
  cases: LENGTHS.map((row) => ({ label: `N = ${row.N}, bc = ${row.bc}, d = ${row.d}`, input: [row] })),
  expected: (row) => work(row),
  tolerance: 'exact',
  mistakes: [
    {
      answer: (row) => work(row, Math.floor(row.N / row.bc)),
      hint: 'The last tile, which may be ragged, is a tile as well: round N / bc up.',
    },
    {
      answer: (row) => ({ ...work(row), flash2: work(row).flash2 - row.d }),
      hint: 'Version 2 divides by l as well: once, after the last tile.',
    },
    {
      answer: (row) => ({ ...work(row), flash1: (2 * work(row).flash1) / 3 }),
      hint: 'Version 1 has three operations a tile for each number of O: the old O times a factor, the new product times a factor, and a division.',
    },
    {
      answer: (row) => ({ flash1: work(row).flash1 / row.d, flash2: work(row).flash2 / row.d }),
      hint: 'A row of O has d numbers; each of them is multiplied or divided.',
    },
  ],
});

export interface Pipeline {
  tiles: number;
  g: number;
  e: number;
}

const PIPELINES: Pipeline[] = [1, 2, 3, 8, 31].flatMap((tiles) =>
  [
    [1, 1],
    [2, 0.5],
    [0.25, 3],
    [1, 0],
    [1.5, 1.25],
  ].map(([g, e]) => ({ tiles, g, e })),
);

/** By running the two units, tile by tile. */
function run({ tiles, g, e }: Pipeline): { serial: number; overlapped: number } {
  let [products, softmax] = [0, 0];
  for (let tile = 0; tile < tiles; tile++) {
    products += g;
    softmax = Math.max(products, softmax) + e;
  }
  return { serial: tiles * (g + e), overlapped: softmax };
}

const pipelineTime = functionExercise<[pipeline: Pipeline], { serial: number; overlapped: number }>({
  spec: 'pipelineTime({ tiles, g, e }): when the softmax of the last tile ends, if each tile takes g for its products and then e for its softmax, serial and overlapped.',
  hints: [
    'Serial is simple. Overlapped: draw three tiles for g > e, and three for g < e. Which unit never waits?',
    'The products of the first tile come before everything, the softmax of the last tile after everything; in between the slower unit sets the pace.',
    'overlapped = g + (tiles - 1) * max(g, e) + e.',
  ],
  cases: PIPELINES.map((each) => ({ label: `tiles = ${each.tiles}, g = ${each.g}, e = ${each.e}`, input: [each] })),
  expected: run,
  mistakes: [
    {
      answer: (each) => ({ ...run(each), overlapped: each.tiles * Math.max(each.g, each.e) }),
      hint: 'The two ends are missing: before the first softmax there is a product, and after the last product a softmax.',
    },
    {
      answer: (each) => ({ ...run(each), overlapped: each.tiles * each.g + each.e }),
      hint: 'That holds only where products take longer than softmax; where softmax does, it sets the pace.',
    },
    {
      answer: (each) => ({ ...run(each), overlapped: (each.tiles * (each.g + each.e)) / 2 }),
      hint: 'Overlapping does not halve the time: that would need two equal units and no ends.',
    },
  ],
});

/** `steps` steps of Walsh and Hadamard's transform of x. */
function transform(x: readonly number[], norm: (n: number) => number, steps = Infinity, minus = -1): number[] {
  const y = [...x];
  for (let half = 1, step = 0; half < y.length && step < steps; half *= 2, step++) {
    for (let n = 0; n < y.length; n++) {
      if ((n & half) === 0) [y[n], y[n + half]] = [y[n] + y[n + half], y[n] + minus * y[n + half]];
    }
  }
  return y.map((each) => each / norm(y.length));
}

/** (-1)^(number of bits that a and b share), the entry of the matrix without its factor. */
function sign(a: number, b: number): number {
  let bits = a & b;
  let result = 1;
  for (; bits > 0; bits &= bits - 1) result = -result;
  return result;
}

const hadamard = functionExercise<[x: number[]], number[]>({
  spec: 'hadamard(x): the product of the Hadamard matrix H, which is orthogonal, with a list whose length is a power of two.',
  hints: [
    'H of size 2n consists of four blocks of size n: what are the first and the second half of H x, given H of the two halves of x?',
    'First half: (H a + H b) / sqrt(2), second half: (H a - H b) / sqrt(2), for x = (a, b).',
    'Without recursion: for half = 1, 2, 4, … replace y[n] and y[n + half] by their sum and difference, for every n without the bit half; divide by sqrt(N) at the end.',
  ],
  cases: drawCases(
    905,
    [1, 2, 4, 8, 16, 32, 64, 128, 256]
      .flatMap((N) => [1, 1000].map((scale) => ({ N, scale })))
      .concat([
        { N: 2, scale: 1e-3 },
        { N: 64, scale: 1e-3 },
      ]),
    ({ N, scale }) => `N = ${N}, x = ${scale} randn`,
    ({ N, scale }, draw) => [draw.list(N, scale)],
  ),
  expected: (x) => x.map((_, a) => x.reduce((sum, each, b) => sum + sign(a, b) * each, 0) / Math.sqrt(x.length)),
  mistakes: [
    {
      answer: (x) => transform(x, () => 1),
      hint: 'The factor 1/sqrt(N) is missing: H must be orthogonal, so that it leaves lengths as they are.',
    },
    {
      answer: (x) => transform(x, (N) => N),
      hint: 'Divided by N: it is sqrt(N), a factor 1/sqrt(2) for each doubling.',
    },
    {
      answer: (x) => transform(x, Math.sqrt, 1),
      hint: 'Only neighbours are combined. There are log2(N) steps, each with partners twice as far apart.',
    },
    {
      answer: (x) => transform(x, Math.sqrt, Infinity, 1),
      hint: 'The lower right block has the sign minus: the second half is a difference.',
    },
  ],
});

type Lazy = [s: number[], v: number[][], bc: number, tau: number];

export interface LazyResult {
  out: number[];
  rescales: number;
}

const ROWS = [
  ...[1, 7, 8, 9, 40, 100, 257].flatMap((N) => [0, 1, 5.5].map((tau) => ({ N, bc: 8, tau, slope: 0.1 }))),
  { N: 64, bc: 1, tau: 0.5, slope: 0 },
  { N: 64, bc: 16, tau: 0, slope: -1 },
  { N: 300, bc: 10, tau: 3, slope: 1 },
  { N: 300, bc: 13, tau: 0, slope: 1 },
];

/** Streams with the given rules: when to rescale, what is rescaled, from which maximum p is taken, what is counted. */
function lazy(
  [s, v, bc, tau]: Lazy,
  {
    grew = (top: number, m: number) => top > m + tau,
    scaleL = true,
    ownTop = false,
    countFirst = false,
  }: { grew?: (top: number, m: number) => boolean; scaleL?: boolean; ownTop?: boolean; countFirst?: boolean } = {},
): LazyResult {
  let [m, l, rescales] = [-Infinity, 0, 0];
  let o = v[0].map(() => 0);
  for (let begin = 0; begin < s.length; begin += bc) {
    const block = s.slice(begin, begin + bc);
    const top = Math.max(...block);
    if (begin === 0 || grew(top, m)) {
      const factor = Math.exp(m - top);
      if (begin > 0 || countFirst) rescales++;
      if (scaleL || begin === 0) l *= factor;
      o = o.map((each) => each * factor);
      m = top;
    }
    const p = block.map((each) => Math.exp(each - (ownTop ? top : m)));
    l += p.reduce((sum, each) => sum + each, 0);
    o = o.map((each, c) => each + p.reduce((sum, weight, j) => sum + weight * v[begin + j][c], 0));
  }
  return { out: o.map((each) => each / l), rescales };
}

/** Softmax at once, and the count by itself. */
function plain([s, v, bc, tau]: Lazy): LazyResult {
  const m = Math.max(...s);
  const f = s.map((each) => Math.exp(each - m));
  const l = f.reduce((sum, each) => sum + each, 0);
  const out = v[0].map((_, c) => f.reduce((sum, each, j) => sum + each * v[j][c], 0) / l);
  const tops = Array.from({ length: Math.ceil(s.length / bc) }, (_, n) => Math.max(...s.slice(n * bc, (n + 1) * bc)));
  let rescales = 0;
  tops.reduce((kept, top) => (top > kept + tau ? (rescales++, top) : kept));
  return { out, rescales };
}

const lazyRescale = functionExercise<Lazy, LazyResult>({
  spec: 'lazyAttention(s, v, bc, tau): { out, rescales }, a row of attention whose m, l and o are rescaled only where a block exceeds m by more than tau.',
  hints: [
    'Begin with onlineAttention of notebook 1 and put its rescaling behind a condition.',
    'If top > m + tau: multiply l and o by exp(m - top) and let m be top. In any case p = exp(s - m) with the m that is kept now.',
    'In the first block m is -Infinity, so the condition holds, but nothing is rescaled: do not count it.',
  ],
  cases: drawCases(
    906,
    ROWS,
    ({ N, bc, tau, slope }) => `N = ${N}, bc = ${bc}, tau = ${tau}, s = randn + ${slope} j`,
    ({ N, bc, tau, slope }, draw): Lazy => [draw.list(N).map((x, j) => x + slope * j), draw.matrix(N, 3), bc, tau],
  ),
  expected: (...row) => plain(row),
  tolerance: { maxAbsScore: (s) => Math.max(...s.map(Math.abs)) },
  mistakes: [
    {
      answer: (...row) => lazy(row, { grew: (top, m) => top > m }),
      hint: 'The threshold is left out: there is a rescaling whenever the maximum grows at all.',
    },
    {
      answer: (...row) => lazy(row, { grew: (top) => top > row[3] }),
      hint: 'The largest score itself is compared with tau. What counts is by how much it exceeds the m that is kept.',
    },
    {
      answer: (...row) => lazy(row, { scaleL: false }),
      hint: 'o is rescaled, l is not.',
    },
    {
      answer: (...row) => lazy(row, { ownTop: true }),
      hint: 'p is taken from the largest score of its block although m stays: all of p, l and o must be measured from one m.',
    },
    {
      answer: (...row) => lazy(row, { countFirst: true }),
      hint: 'out is right. The first block is counted, but there is nothing to be rescaled in it.',
    },
  ],
});

export const limits = {
  'split-traffic': splitTraffic,
  'rescale-work': rescaleWork,
  'pipeline-time': pipelineTime,
  hadamard,
  'lazy-rescale': lazyRescale,
};
