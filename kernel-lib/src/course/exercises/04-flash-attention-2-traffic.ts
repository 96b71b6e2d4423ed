import { functionExercise } from '../definition';
import type { Case } from '../draw';

/** A head with N queries and N keys, and its tiles. */
export interface HeadSizes {
  N: number;
  d: number;
  br: number;
  bc: number;
}

/** Elements that cross between device memory and chip. */
export interface Traffic {
  reads: number;
  writes: number;
}

/** Lengths of the tiles of `length` rows; the last one has what is left. */
const tileLengths = (length: number, size: number): number[] =>
  Array.from({ length: Math.ceil(length / size) }, (_, t) => Math.min(size, length - t * size));

const SIZES: HeadSizes[] = [
  { N: 1, d: 1, br: 1, bc: 1 },
  { N: 1, d: 16, br: 8, bc: 4 },
  { N: 7, d: 3, br: 2, bc: 3 },
  { N: 8, d: 4, br: 2, bc: 4 },
  { N: 8, d: 4, br: 16, bc: 32 },
  { N: 10, d: 5, br: 10, bc: 10 },
  { N: 10, d: 5, br: 1, bc: 10 },
  { N: 10, d: 5, br: 10, bc: 1 },
  { N: 37, d: 8, br: 16, bc: 8 },
  { N: 50, d: 8, br: 7, bc: 9 },
  { N: 64, d: 16, br: 16, bc: 16 },
  { N: 65, d: 16, br: 16, bc: 32 },
  { N: 100, d: 32, br: 32, bc: 64 },
  { N: 127, d: 32, br: 64, bc: 32 },
  { N: 128, d: 64, br: 32, bc: 32 },
  { N: 129, d: 64, br: 64, bc: 128 },
  { N: 500, d: 64, br: 128, bc: 48 },
  { N: 1000, d: 40, br: 64, bc: 96 },
  { N: 1024, d: 64, br: 128, bc: 64 },
  { N: 2047, d: 128, br: 64, bc: 192 },
  { N: 4096, d: 128, br: 128, bc: 32 },
  { N: 5000, d: 96, br: 96, bc: 256 },
];

const CASES: Case<[sizes: HeadSizes]>[] = SIZES.map((sizes) => ({
  label: `N = ${sizes.N}, d = ${sizes.d}, br = ${sizes.br}, bc = ${sizes.bc}`,
  input: [sizes],
}));

/** FlashAttention-1 tile by tile. */
function countFlash1({ N, d, br, bc }: HeadSizes): Traffic {
  let reads = 0;
  let writes = N * (d + 2); // out, l and m before the first tile
  for (const keys of tileLengths(N, bc)) {
    reads += 2 * keys * d;
    for (const queries of tileLengths(N, br)) {
      reads += queries * (2 * d + 2);
      writes += queries * (d + 2);
    }
  }
  return { reads: reads + 2 * N, writes: writes + N }; // lse from l and m
}

/** FlashAttention-2 tile by tile. */
function countFlash2({ N, d, br, bc }: HeadSizes): Traffic {
  let [reads, writes] = [0, 0];
  for (const queries of tileLengths(N, br)) {
    reads += queries * d;
    for (const keys of tileLengths(N, bc)) reads += 2 * keys * d;
    writes += queries * (d + 1);
  }
  return { reads, writes };
}

/** Numbers a row of each kind that cross in FlashAttention-1, and how often. */
const flash1With =
  ({
    begin = (d: number): number => d + 2,
    end = { reads: 2, writes: 1 },
    loopReads = (d: number): number => 2 * d + 2,
    loopWrites = (d: number): number => d + 2,
    onceReads = (_d: number): number => 0,
    turns = ({ N, bc }: HeadSizes): number => Math.ceil(N / bc),
    rows = (N: number, _size: number): number => N,
  } = {}) =>
  (sizes: HeadSizes): Traffic => {
    const { N, d, br, bc } = sizes;
    const queries = turns(sizes) * rows(N, br);
    return {
      reads: rows(N, bc) * 2 * d + queries * loopReads(d) + N * (onceReads(d) + end.reads),
      writes: N * begin(d) + queries * loopWrites(d) + N * end.writes,
    };
  };

const NOTHING = { reads: 0, writes: 0 };
const wholeTiles = (N: number, size: number): number => Math.ceil(N / size) * size;

export const ioFlash1 = functionExercise<[sizes: HeadSizes], Traffic>({
  spec: 'ioFlash1({ N, d, br, bc }): { reads, writes }, the elements that FlashAttention-1 moves for one head, exactly.',
  hints: [
    'Three parts: before the loops (out, l and m are set), the loops, and after them (l and m are read, lse is written).',
    'K and V cross once, whatever the tiles are. In each of the Tc turns of the outer loop all N rows of q, out, l and m are read, and all of out, l and m are written; it does not matter into how many tiles the queries are cut.',
    'With Tc = Math.ceil(N / bc): reads = 2Nd + Tc (2Nd + 2N) + 2N, writes = (Nd + 2N) + Tc (Nd + 2N) + N.',
  ],
  cases: CASES,
  expected: countFlash1,
  tolerance: 'exact',
  mistakes: [
    {
      answer: flash1With({ begin: () => 0, end: NOTHING }),
      hint: 'The loops are right. What is missing is before and after them: out, l and m are set once, and at the end l and m are read and lse is written.',
    },
    {
      answer: flash1With({ begin: () => 0 }),
      hint: 'out, l and m are read in the first turn already, so somebody has set them before: Nd + 2N writes.',
    },
    {
      answer: flash1With({ end: NOTHING }),
      hint: 'The last pass is missing: it reads l and m of all queries and writes lse.',
    },
    {
      answer: flash1With({ loopReads: (d) => 2 * d, loopWrites: (d) => d }),
      hint: 'l and m cross as out does: 2 numbers of every query are read and written in each turn of the outer loop.',
    },
    {
      answer: flash1With({ loopReads: (d) => d + 2 }),
      hint: 'out is only written, but the new out is made from the old one: it is read again in each turn of the outer loop.',
    },
    {
      answer: flash1With({ loopReads: (d) => d + 2, onceReads: (d) => d }),
      hint: 'q is read once, but the loop over the queries is inside: all of q is read again for every tile of keys.',
    },
    {
      answer: flash1With({ rows: wholeTiles }),
      hint: 'The last tile is rounded up to a whole one. Rows that do not exist do not cross: however the N rows are cut, N of them are read.',
    },
    {
      answer: flash1With({ turns: ({ N, br }) => Math.ceil(N / br) }),
      hint: 'The number of turns is that of the query tiles, ceil(N / br). The outer loop of FlashAttention-1 runs over tiles of keys: ceil(N / bc).',
    },
    {
      answer: flash1With({ turns: ({ N, bc }) => N / bc }),
      hint: 'N / bc is not rounded up: a last tile with fewer keys takes a whole turn, too.',
    },
  ],
});

const flash2With =
  ({
    queryReads = (_sizes: HeadSizes): number => 1,
    turns = ({ N, br }: HeadSizes): number => Math.ceil(N / br),
    statistics = 1,
    rows = (N: number, _size: number): number => N,
  } = {}) =>
  (sizes: HeadSizes): Traffic => {
    const { N, d, br, bc } = sizes;
    return {
      reads: rows(N, br) * d * queryReads(sizes) + turns(sizes) * rows(N, bc) * 2 * d,
      writes: rows(N, br) * (d + statistics),
    };
  };

export const ioFlash2 = functionExercise<[sizes: HeadSizes], Traffic>({
  spec: 'ioFlash2({ N, d, br, bc }): { reads, writes }, the elements that FlashAttention-2 moves for one head, exactly.',
  hints: [
    'What is on chip while the inner loop runs, and so crosses once? What passes by, and how often?',
    'q is read once; out and lse are written once and never read. All N rows of K and V are read in each turn of the outer loop.',
    'With Tr = Math.ceil(N / br): reads = Nd + Tr 2Nd, writes = Nd + N.',
  ],
  cases: CASES,
  expected: countFlash2,
  tolerance: 'exact',
  mistakes: [
    {
      answer: flash2With({ turns: () => 1 }),
      hint: 'K and V are read once, but their loop is inside now: all of K and V is read again for every tile of queries.',
    },
    {
      answer: flash2With({ turns: ({ N, bc }) => Math.ceil(N / bc) }),
      hint: 'The number of turns is that of the key tiles, ceil(N / bc). The outer loop of FlashAttention-2 runs over tiles of queries: ceil(N / br).',
    },
    {
      answer: flash2With({ queryReads: ({ N, bc }) => Math.ceil(N / bc) }),
      hint: 'q is read for every tile of keys, but it stays on chip while the keys pass by: once is enough.',
    },
    {
      answer: flash2With({ statistics: 0 }),
      hint: 'The reads are right. lse is missing among the writes: one number a query.',
    },
    {
      answer: flash2With({ statistics: 2 }),
      hint: 'The reads are right. Two numbers a query are written beside out, but m and l never leave the chip: only lse does.',
    },
    {
      answer: flash2With({ rows: wholeTiles }),
      hint: 'The last tile is rounded up to a whole one. Rows that do not exist do not cross: however the N rows are cut, N of them are read or written.',
    },
    {
      answer: flash2With({ turns: ({ N, br }) => N / br }),
      hint: 'N / br is not rounded up: a last tile with fewer queries reads all of K and V, too.',
    },
  ],
});
