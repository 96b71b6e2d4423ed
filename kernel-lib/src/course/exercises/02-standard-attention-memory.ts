import type { Definition } from '../definition';
import { drawCases } from '../draw';
import { attendPlainly, dot, largestScore, softmax } from '../plain-attention';

/** Device memory as the lesson has it: named matrices, of which rows [from, to) are loaded and stored. */
export interface DeviceMemory {
  rows(name: string): number;
  load(name: string, from?: number, to?: number): number[][];
  store(name: string, rows: number[][], from?: number): void;
}

/** One that counts the elements that cross. */
class CountedMemory implements DeviceMemory {
  reads = 0;
  writes = 0;
  private readonly matrices: Map<string, number[][]>;

  constructor(matrices: Record<string, number[][]>) {
    this.matrices = new Map(Object.entries(matrices));
  }

  rows(name: string): number {
    return this.matrix(name).length;
  }

  load(name: string, from = 0, to = this.rows(name)): number[][] {
    const rows = this.matrix(name).slice(from, to);
    this.reads += elements(rows);
    return structuredClone(rows);
  }

  store(name: string, rows: number[][], from = 0): void {
    this.writes += elements(rows);
    const matrix = this.matrices.get(name) ?? [];
    rows.forEach((row, i) => (matrix[from + i] = [...row]));
    this.matrices.set(name, matrix);
  }

  private matrix(name: string): number[][] {
    const matrix = this.matrices.get(name);
    if (!matrix) throw new Error(`There is no matrix '${name}' in this memory.`);
    return matrix;
  }
}

const elements = (rows: readonly number[][]): number => rows.reduce((sum, row) => sum + row.length, 0);

type Answer = (memory: DeviceMemory) => void | Promise<void>;
type Input = [q: number[][], k: number[][], v: number[][]];

const scoreRow = (qi: number[], k: number[][], scale = 1 / Math.sqrt(qi.length)): number[] =>
  k.map((kj) => scale * dot(qi, kj));

const weighted = (p: readonly number[], v: number[][]): number[] =>
  v[0].map((_, c) => v.reduce((sum, vj, j) => sum + p[j] * vj[c], 0));

/** Row after row; `begin` loads what stays on the chip and gives what loads the rest for query i. */
const rowByRow =
  (
    begin: (memory: DeviceMemory) => (i: number) => Input,
    { scale, place = (i: number) => i }: { scale?: number; place?: (i: number) => number } = {},
  ): Answer =>
  (memory) => {
    const load = begin(memory);
    for (let i = 0; i < memory.rows('q'); i++) {
      const [[qi], k, v] = load(i);
      memory.store('out', [weighted(softmax(scoreRow(qi, k, scale)), v)], place(i));
    }
  };

const queryRow = (memory: DeviceMemory, i: number): number[][] => memory.load('q', i, i + 1);

/** Keys and values once, then a query at a time. */
const fused = (memory: DeviceMemory): ((i: number) => Input) => {
  const [k, v] = [memory.load('k'), memory.load('v')];
  return (i) => [queryRow(memory, i), k, v];
};

/** The three passes; S goes through the memory, P where `storeP`. */
const passes =
  ({ storeP }: { storeP: boolean }): Answer =>
  (memory) => {
    const [q, k] = [memory.load('q'), memory.load('k')];
    const s = q.map((qi) => scoreRow(qi, k));
    memory.store('s', s);
    const p = memory.load('s').map((x) => softmax(x));
    if (storeP) memory.store('p', p);
    const [weights, v] = [storeP ? memory.load('p') : p, memory.load('v')];
    const out = weights.map((row) => weighted(row, v));
    memory.store('out', out);
  };

const SIZES = [
  ...[1, 2, 3, 5, 8, 13, 16, 21, 32].map((N) => ({ Nq: N, Nk: N, D: 4, Dv: 4 })),
  ...[
    [1, 9, 8, 8],
    [9, 2, 8, 8],
    [4, 7, 1, 3],
    [7, 4, 3, 1],
    [6, 6, 16, 2],
    [12, 30, 5, 6],
    [30, 12, 6, 5],
    [17, 17, 9, 9],
    [2, 40, 4, 4],
    [40, 2, 4, 4],
    [24, 24, 12, 12],
  ].map(([Nq, Nk, D, Dv]) => ({ Nq, Nk, D, Dv })),
];

export const fusedRows: Definition<Answer, Input, { out: number[][]; reads: number; writes: number }> = {
  spec: 'fusedRows(memory): stores out, attention of q, k and v in the memory, loading every element of q, k and v once and storing nothing else.',
  hints: [
    'Load k and v once, before a loop over the queries; memory.rows("q") tells how many there are, and costs nothing.',
    'For query i: load row i of q, compute its scores against all keys, their softmax, and the weighted sum of the rows of v, in variables.',
    'Store that one row: memory.store("out", [row], i).',
  ],
  cases: drawCases(
    205,
    SIZES,
    ({ Nq, Nk, D, Dv }) => `Nq = ${Nq}, Nk = ${Nk}, D = ${D}, Dv = ${Dv}`,
    ({ Nq, Nk, D, Dv }, draw) => [draw.matrix(Nq, D, 2), draw.matrix(Nk, D, 2), draw.matrix(Nk, Dv)],
  ),
  expected: (q, k, v) => ({
    out: attendPlainly(q, k, v).out,
    reads: elements(q) + elements(k) + elements(v),
    writes: q.length * v[0].length,
  }),
  run: async (answer, q, k, v) => {
    const memory = new CountedMemory({ q, k, v });
    await answer(memory);
    const { reads, writes } = memory;
    return { out: memory.load('out'), reads, writes };
  },
  untouched: () => false,
  tolerance: { maxAbsScore: (q, k) => largestScore(q, k) },
  mistakes: [
    {
      answer: passes({ storeP: true }),
      hint: 'These are the three passes: S and P still go to device memory and come back. Keep the scores of a row in a variable.',
    },
    {
      answer: passes({ storeP: false }),
      hint: 'P stays on the chip, but S is stored and loaded again. Take the softmax of a row of scores where it is computed.',
    },
    {
      answer: rowByRow((memory) => (i) => [queryRow(memory, i), memory.load('k'), memory.load('v')]),
      hint: 'k and v are loaded anew for every query. Load them once, before the loop, and keep them on the chip.',
    },
    {
      answer: rowByRow((memory) => {
        const [k, v] = [memory.load('k'), memory.load('v')];
        return (i) => [[memory.load('q')[i]], k, v];
      }),
      hint: 'All of q is loaded for every query. Load one row of it: memory.load("q", i, i + 1).',
    },
    {
      answer: rowByRow(fused, { place: () => 0 }),
      hint: 'Every row of out is stored in the place of the first: store takes the row to begin at as its third argument.',
    },
    {
      answer: rowByRow(fused, { scale: 1 }),
      hint: 'The traffic is right, but the scores are not divided by sqrt(D).',
    },
  ],
};
