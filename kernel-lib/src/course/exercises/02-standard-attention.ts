import { functionExercise } from '../definition';
import { drawCases } from '../draw';
import { largestScore, softmax, transpose } from '../plain-attention';
import { attend } from './02-standard-attention-formula';
import { fusedRows } from './02-standard-attention-memory';

/** Lengths and head sizes; scores beyond what exp can take, of both signs, are among them. */
const SHAPES = [
  ...[
    [1, 1, 1, 1],
    [1, 5, 4, 4],
    [5, 1, 4, 4],
    [2, 3, 1, 2],
    [4, 4, 2, 3],
    [7, 7, 8, 8],
    [8, 8, 16, 16],
    [16, 16, 8, 4],
    [3, 17, 8, 8],
    [17, 3, 8, 8],
    [33, 33, 16, 16],
    [31, 20, 32, 5],
    [20, 31, 5, 32],
  ].map((sizes) => ({ sizes, scale: 1, sign: 0 })),
  ...[
    [1, 9, 4, 4],
    [6, 6, 8, 8],
    [5, 12, 16, 3],
    [12, 5, 3, 16],
  ].flatMap((sizes) => [
    { sizes, scale: 40, sign: 0 },
    { sizes, scale: 40, sign: -1 },
  ]),
].map(({ sizes: [Nq, Nk, D, Dv], ...rest }) => ({ Nq, Nk, D, Dv, ...rest }));

type Attention = ReturnType<typeof attend>;

const naiveAttention = functionExercise<[q: number[][], k: number[][], v: number[][]], Attention>({
  spec: 'naiveAttention(q, k, v): { s, p, out } of s = q kᵀ / sqrt(D), p = softmax of each row of s, out = p v.',
  hints: [
    's[i][j] is the inner product of row i of q and row j of k, divided by sqrt(D); D is the length of a row of q.',
    'Each row of p is the safe softmax of the same row of s: it has one entry for each key, and sums to 1.',
    'out[i][c] is the sum over j of p[i][j] * v[j][c]; its rows are as long as those of v, which need not be D.',
  ],
  cases: drawCases(
    201,
    SHAPES,
    ({ Nq, Nk, D, Dv, scale }) => `Nq = ${Nq}, Nk = ${Nk}, D = ${D}, Dv = ${Dv}, q, k = ${scale} randn`,
    ({ Nq, Nk, D, Dv, scale, sign }, draw) => {
      const turn = (a: number[][], by: number): number[][] =>
        by === 0 ? a : a.map((row) => row.map((x) => by * Math.abs(x)));
      return [
        turn(draw.matrix(Nq, D, scale), Math.abs(sign)),
        turn(draw.matrix(Nk, D, scale), sign),
        draw.matrix(Nk, Dv),
      ];
    },
  ),
  expected: (q, k, v) => attend(q, k, v),
  tolerance: { maxAbsScore: (q, k) => largestScore(q, k) },
  mistakes: [
    {
      answer: (q, k, v) => attend(q, k, v, { scale: () => 1 }),
      hint: 'The scores are not scaled: s = q kᵀ / sqrt(D).',
    },
    {
      answer: (q, k, v) => attend(q, k, v, { scale: (D) => 1 / D }),
      hint: 'The scores are divided by D, not by its square root.',
    },
    {
      answer: (q, k, v) => ({ ...attend(q, k, v), s: attend(q, k, v, { scale: () => 1 }).s }),
      hint: 'p and out are right, but s is given as it was before scaling: s = q kᵀ / sqrt(D).',
    },
    {
      answer: (q, k, v) => attend(q, k, v, { weights: (s) => transpose(transpose(s).map((x) => softmax(x))) }),
      hint: 'Softmax runs over the queries, so that columns of p sum to 1. It has to run over the keys: every row sums to 1.',
    },
    {
      answer: (q, k, v) => attend(q, k, v, { weights: (s) => s.map((x) => softmax(x, 0)) }),
      hint: 'The maximum of the row is not subtracted before exp, so that large scores overflow and very negative ones give 0 / 0.',
    },
    {
      answer: (q, k, v) =>
        attend(q, k, v, { weights: (s) => s.map((x) => x.map((y) => Math.exp(y - Math.max(...x)))) }),
      hint: 'The rows of p are exponentials that are not divided by their sum.',
    },
    {
      answer: (q, k, v) => attend(q, k, v, { weight: (p, i, j) => p[j][i] }),
      hint: 'out is made with pᵀ: the weight of value j for query i is p[i][j], not p[j][i].',
    },
    {
      answer: (q, k, v) => attend(q, k, v, { value: (j, c) => v[c][j] }),
      hint: 'out is made with vᵀ: component c of value j is v[j][c], not v[c][j].',
    },
  ],
});

export interface AttentionSizes {
  B: number;
  H: number;
  Nq: number;
  Nk: number;
  D: number;
}

const attentionFlops = functionExercise<[sizes: AttentionSizes], number>({
  spec: 'attentionFlops({ B, H, Nq, Nk, D }): floating-point operations of the two products of forward attention, a multiply-add being two.',
  hints: [
    'An (a x b) matrix times a (b x c) matrix takes a multiply-add for each of a * b * c triples.',
    'q kᵀ is (Nq x D) times (D x Nk), p v is (Nq x Nk) times (Nk x D); both are done for each of the B * H heads.',
    'Each product takes 2 * Nq * Nk * D operations in a head; there are two products and B * H heads.',
  ],
  cases: drawCases(
    202,
    [
      ...[1, 2, 8, 64].flatMap((N) => [
        { B: 1, H: 1, Nq: N, Nk: N, D: 16 },
        { B: 2, H: 3, Nq: N, Nk: 2 * N + 1, D: 64 },
        { B: 3, H: 8, Nq: 3 * N, Nk: N, D: 128 },
      ]),
      ...[
        [1, 12, 512, 512, 64],
        [8, 12, 1024, 1024, 64],
        [1, 32, 1, 4096, 128],
        [4, 32, 4096, 4096, 128],
        [1, 16, 131072, 131072, 64],
        [16, 8, 1, 1, 1],
        [5, 7, 11, 13, 17],
        [64, 1, 77, 100, 40],
      ].map(([B, H, Nq, Nk, D]) => ({ B, H, Nq, Nk, D })),
    ],
    ({ B, H, Nq, Nk, D }) => `B = ${B}, H = ${H}, Nq = ${Nq}, Nk = ${Nk}, D = ${D}`,
    (sizes) => [{ ...sizes }],
  ),
  expected: ({ B, H, Nq, Nk, D }) => 4 * B * H * Nq * Nk * D,
  tolerance: 'exact',
  mistakes: [
    {
      answer: ({ B, H, Nq, Nk, D }) => 2 * B * H * Nq * Nk * D,
      hint: 'That is half of it: either a multiply-add counts as one operation and not as two, or there is only one of the two products.',
    },
    {
      answer: ({ B, H, Nq, Nk, D }) => B * H * Nq * Nk * D,
      hint: 'That is a quarter of it: there are two products, and each multiply-add is two operations.',
    },
    {
      answer: ({ B, H, Nq, D }) => 4 * B * H * Nq * Nq * D,
      hint: 'Nq² stands where the number of scores should be: every query meets every key, which makes Nq * Nk.',
    },
    {
      answer: ({ B, Nq, Nk, D }) => 4 * B * Nq * Nk * D,
      hint: 'That is for one head of each batch entry; there are H of them, and D is the size of one.',
    },
    {
      answer: ({ H, Nq, Nk, D }) => 4 * H * Nq * Nk * D,
      hint: 'That is for one entry of the batch; there are B of them.',
    },
    {
      answer: ({ B, H, Nq, Nk, D }) => B * H * (Nq * Nk * (2 * D - 1) + Nq * D * (2 * Nk - 1)),
      hint: 'A sum of D products has D - 1 additions, but the usual count takes a multiply-add for each product, as a sum that begins at 0 does: 2 D operations.',
    },
    {
      answer: ({ B, H, Nq, Nk, D }) => 4 * B * H * Nq * Nk * D + 5 * B * H * Nq * Nk,
      hint: 'Softmax is counted, too; asked are the two products alone.',
    },
  ],
});

export interface HeadSizes {
  N: number;
  D: number;
  bytes: number;
}

/** Reads and writes out of numbers of N D and of N² elements. */
const traffic =
  (reads: [linear: number, square: number], writes: [linear: number, square: number]) =>
  ({ N, D, bytes }: HeadSizes): { reads: number; writes: number } => ({
    reads: bytes * (reads[0] * N * D + reads[1] * N * N),
    writes: bytes * (writes[0] * N * D + writes[1] * N * N),
  });

const standardTraffic = functionExercise<[sizes: HeadSizes], { reads: number; writes: number }>({
  spec: 'standardTraffic({ N, D, bytes }): { reads, writes } in bytes, of the three passes over one head, with elements of that many bytes.',
  hints: [
    'Go through the passes one by one: which matrices does each load, which does it store? Q, K, V and O have N * D elements, S and P have N * N.',
    'Pass 1 loads Q and K and stores S; pass 2 loads S and stores P; pass 3 loads P and V and stores O.',
    'Loaded are three matrices of N * D and two of N * N, stored one of N * D and two of N * N; every element has `bytes` bytes.',
  ],
  cases: drawCases(
    203,
    [1, 2, 7, 64, 100, 1024, 4096, 16384].flatMap((N, n) => [
      { N, D: 64, bytes: 4 },
      { N, D: [1, 3, 16, 128][n % 4], bytes: 2 },
      { N, D: [128, 32, 256, 80][n % 4], bytes: [4, 2][n % 2] },
    ]),
    ({ N, D, bytes }) => `N = ${N}, D = ${D}, bytes = ${bytes}`,
    (sizes) => [{ ...sizes }],
  ),
  expected: traffic([3, 2], [1, 2]),
  tolerance: 'exact',
  mistakes: [
    {
      answer: ({ N, D }) => traffic([3, 2], [1, 2])({ N, D, bytes: 1 }),
      hint: 'These are elements; asked are bytes.',
    },
    {
      answer: traffic([3, 1], [1, 1]),
      hint: 'S and P are two matrices: pass 2 loads S and stores P, pass 3 loads P. One of them is missing.',
    },
    {
      answer: traffic([3, 0], [1, 2]),
      hint: 'S and P are counted where they are stored, but not where the next pass loads them.',
    },
    {
      answer: traffic([3, 0], [1, 1]),
      hint: 'Only the storing of S is counted: S is loaded again, P is stored, and P is loaded again.',
    },
    {
      answer: traffic([3, 1], [1, 2]),
      hint: 'Both S and P are loaded: S by pass 2, P by pass 3. One of the two loads is missing.',
    },
    {
      answer: traffic([3, 0], [1, 0]),
      hint: 'Here only Q, K, V and O cross. That is the least that attention can move; the three passes move S and P as well.',
    },
    {
      answer: traffic([0, 2], [0, 2]),
      hint: 'S and P are right; Q, K, V and O cross as well, once each.',
    },
    {
      answer: traffic([1, 2], [3, 2]),
      hint: 'Reads and writes are the wrong way round: three of the N x D matrices are loaded, and one is stored.',
    },
  ],
});

export interface RooflineWork {
  flops: number;
  bytes: number;
  peakFlops: number;
  bandwidth: number;
}

/** Machines of a few GFLOP/s, so that times are seconds. */
const WORK = [
  [1e9, 1e9],
  [1.3e10, 4e9],
  [5e9, 2.5e10],
  [2e10, 1e8],
].flatMap(([peakFlops, bandwidth]) =>
  [
    [3e9, 1e7],
    [3e8, 7e9],
    [6e10, 5.5e10],
    [1e10, 0],
    [0, 2e10],
    [8e11, 3e10],
  ].map(([flops, bytes]) => ({ flops, bytes, peakFlops, bandwidth })),
);

/** Out of the seconds for computing and for moving. */
const outOf =
  (both: (compute: number, move: number) => number) =>
  ({ flops, bytes, peakFlops, bandwidth }: RooflineWork): number =>
    both(flops / peakFlops, bytes / bandwidth);

const rooflineSeconds = functionExercise<[work: RooflineWork], number>({
  spec: 'rooflineSeconds({ flops, bytes, peakFlops, bandwidth }): the least seconds that the work can take on a machine that computes and moves at the same time.',
  hints: [
    'How many seconds would the FLOPs take if memory were infinitely fast? How many would the bytes take if arithmetic were?',
    'flops / peakFlops and bytes / bandwidth run side by side; the work is done when the slower of the two is.',
    'The larger of the two.',
  ],
  cases: drawCases(
    204,
    WORK,
    ({ flops, bytes, peakFlops, bandwidth }) =>
      [`flops = ${flops}`, `bytes = ${bytes}`, `peakFlops = ${peakFlops}`, `bandwidth = ${bandwidth}`].join(', '),
    (work) => [{ ...work }],
  ),
  expected: outOf(Math.max),
  mistakes: [
    {
      answer: outOf((compute, move) => compute + move),
      hint: 'The two times are added, as if nothing moved while something is computed. They overlap.',
    },
    {
      answer: outOf(Math.min),
      hint: 'That is the smaller of the two times, which a comparison of the intensity the wrong way round gives as well. The work waits for the slower one.',
    },
    {
      answer: outOf((compute) => compute),
      hint: 'Only the arithmetic is counted: bytes take time, too.',
    },
    {
      answer: outOf((_, move) => move),
      hint: 'Only the moving is counted: where there is much to compute for each byte, arithmetic takes longer.',
    },
    {
      answer: ({ flops, bytes, peakFlops, bandwidth }) => Math.min(peakFlops, (flops / bytes) * bandwidth),
      hint: 'That is the rate in FLOP/s that can be reached; asked are seconds.',
    },
  ],
});

export const standardAttention = {
  'naive-attention': naiveAttention,
  'standard-traffic': standardTraffic,
  'attention-flops': attentionFlops,
  roofline: rooflineSeconds,
  'fused-rows': fusedRows,
};
