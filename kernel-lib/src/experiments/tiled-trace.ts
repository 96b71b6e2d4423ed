import type { Range, TileSize } from '../cost/tile-visits';

// FlashAttention-1 and FlashAttention-2 as their papers print them, one head, plain loops and float64. Nothing here is fast:
// it is to be read, and to be looked at step by step.

/** Rows of numbers. */
export type Matrix = readonly (readonly number[])[];

/** One head of attention: q (Nq rows of D), k (Nk rows of D), v (Nk rows of Dv). */
export interface TraceProblem {
  readonly q: Matrix;
  readonly k: Matrix;
  readonly v: Matrix;
  readonly scale: number;
  /** Whether query i may look at key j. */
  readonly sees: (i: number, j: number) => boolean;
}

/** What online softmax keeps of each query of a tile. */
export interface RowState {
  /** Largest score so far; -Infinity before the first. */
  readonly m: readonly number[];
  /** Sum of exp(s - m) over the keys so far. */
  readonly l: readonly number[];
  /** Output so far: a weighted mean of values in FlashAttention-1, their weighted sum (not yet divided by l) in FlashAttention-2. */
  readonly o: Matrix;
}

/** One visit to a tile of the score matrix. */
export interface TraceStep {
  /** Which tile of queries, which tile of keys. */
  readonly i: number;
  readonly j: number;
  readonly queries: Range;
  readonly keys: Range;
  /** Scores of the tile, a row for each query; -Infinity where a query does not see a key. */
  readonly s: Matrix;
  /** Row maxima of s. */
  readonly rowMax: readonly number[];
  /** exp(s - rowMax) in FlashAttention-1, exp(s - m) with the new m in FlashAttention-2. */
  readonly p: Matrix;
  /** Row sums of p. */
  readonly rowSum: readonly number[];
  readonly before: RowState;
  readonly after: RowState;
  /** Elements that this visit loads from device memory and stores there. */
  readonly reads: number;
  readonly writes: number;
}

/** A whole run of one algorithm. */
export interface TraceWalk {
  readonly algorithm: 'flash1' | 'flash2';
  /** Visited tiles in their order. */
  readonly steps: readonly TraceStep[];
  /** Tiles in which no query sees a key: never loaded. */
  readonly skipped: readonly { readonly i: number; readonly j: number }[];
  /** Nq rows of Dv; 0 for a query that sees no key. */
  readonly out: Matrix;
  /** m + log(l) of each query; -Infinity for one that sees no key. */
  readonly lse: readonly number[];
  /** Elements that crossed between device memory and chip, all in all: in the steps, before them and after them. */
  readonly reads: number;
  readonly writes: number;
}

type Row = number | readonly number[];

/** Device memory: what is loaded from it and stored to it is counted. */
class DeviceMemory {
  reads = 0;
  writes = 0;
  private counted = { reads: 0, writes: 0 };

  load<T extends Row>(rows: readonly T[], { begin, end }: Range): T[] {
    const loaded = rows.slice(begin, end);
    this.reads += size(loaded);
    return loaded;
  }

  store<T extends Row>(target: T[], { begin }: Range, rows: readonly T[]): void {
    rows.forEach((row, r) => (target[begin + r] = row));
    this.writes += size(rows);
  }

  /** What crossed since the last call. */
  lap(): { reads: number; writes: number } {
    const { reads, writes } = this.counted;
    this.counted = { reads: this.reads, writes: this.writes };
    return { reads: this.reads - reads, writes: this.writes - writes };
  }
}

const size = (rows: readonly Row[]): number =>
  rows.reduce<number>((sum, row) => sum + (typeof row === 'number' ? 1 : row.length), 0);

/** Ranges of `length` rows, `step` each; the last may be shorter. */
function tiles(length: number, step: number): Range[] {
  const count = Math.ceil(length / step);
  return Array.from({ length: count }, (_, t) => ({ begin: t * step, end: Math.min((t + 1) * step, length) }));
}

function isVisited({ sees }: TraceProblem, queries: Range, keys: Range): boolean {
  for (let i = queries.begin; i < queries.end; i++) {
    for (let j = keys.begin; j < keys.end; j++) if (sees(i, j)) return true;
  }
  return false;
}

const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, x, d) => sum + x * b[d], 0);
const sum = (row: readonly number[]): number => row.reduce((total, x) => total + x, 0);

/** exp(a - b), and 0 for a = -Infinity whatever b is: the weight of what is forbidden. */
const weight = (a: number, b: number): number => (a === -Infinity ? 0 : Math.exp(a - b));

/** Row r of P V: the values weighted with row r of p and added up. */
const weightedSum = (p: readonly number[], v: Matrix): number[] =>
  v[0].map((_, d) => p.reduce((total, pj, j) => total + pj * v[j][d], 0));

/** S = scale Q K^T for one tile. */
function scores({ scale, sees }: TraceProblem, q: Matrix, k: Matrix, queries: Range, keys: Range): number[][] {
  return q.map((qi, r) =>
    k.map((kj, c) => (sees(queries.begin + r, keys.begin + c) ? scale * dot(qi, kj) : -Infinity)),
  );
}

const lseOf = (m: readonly number[], l: readonly number[]): number[] =>
  m.map((top, r) => (l[r] > 0 ? top + Math.log(l[r]) : -Infinity));

const zeros = (rows: number, width: number): number[][] => Array.from({ length: rows }, () => Array(width).fill(0));

/**
 * FlashAttention-1 (Dao 2022, https://arxiv.org/abs/2205.14135, Algorithm 1): the loop over key tiles is outside. Every
 * visited tile loads Q, O, l and m of its queries and stores O, l and m again.
 */
export function traceFlash1(problem: TraceProblem, { br, bc }: TileSize): TraceWalk {
  const memory = new DeviceMemory();
  const [Nq, Dv] = [problem.q.length, problem.v[0].length];
  const all: Range = { begin: 0, end: Nq };
  const out: (readonly number[])[] = [];
  const l: number[] = [];
  const m: number[] = [];
  const lse: number[] = [];
  memory.store(out, all, zeros(Nq, Dv));
  memory.store(l, all, Array<number>(Nq).fill(0));
  memory.store(m, all, Array<number>(Nq).fill(-Infinity));
  memory.lap();

  const steps: TraceStep[] = [];
  const skipped: { i: number; j: number }[] = [];
  tiles(problem.k.length, bc).forEach((keys, j) => {
    let loaded: { k: Matrix; v: Matrix } | null = null;
    tiles(Nq, br).forEach((queries, i) => {
      if (!isVisited(problem, queries, keys)) {
        skipped.push({ i, j });
        return;
      }
      loaded ??= { k: memory.load(problem.k, keys), v: memory.load(problem.v, keys) };
      const { k, v } = loaded;
      const q = memory.load(problem.q, queries);
      const before = { o: memory.load(out, queries), l: memory.load(l, queries), m: memory.load(m, queries) };

      // Softmax within the tile
      const s = scores(problem, q, k, queries, keys);
      const rowMax = s.map((row) => Math.max(...row));
      const p = s.map((row, r) => row.map((x) => weight(x, rowMax[r])));
      const rowSum = p.map(sum);
      // Merged with the keys before, old and new each by its weight
      const mNew = rowMax.map((top, r) => Math.max(before.m[r], top));
      const oldWeight = mNew.map((top, r) => weight(before.m[r], top));
      const newWeight = mNew.map((top, r) => weight(rowMax[r], top));
      const lNew = rowSum.map((added, r) => oldWeight[r] * before.l[r] + newWeight[r] * added);
      const oNew = p.map((row, r) => {
        const added = weightedSum(row, v);
        if (lNew[r] === 0) return before.o[r];
        return added.map((x, d) => (oldWeight[r] * before.l[r] * before.o[r][d] + newWeight[r] * x) / lNew[r]);
      });

      memory.store(out, queries, oNew);
      memory.store(l, queries, lNew);
      memory.store(m, queries, mNew);
      const after = { m: mNew, l: lNew, o: oNew };
      steps.push({ i, j, queries, keys, s, rowMax, p, rowSum, before, after, ...memory.lap() });
    });
  });

  const [finalM, finalL] = [memory.load(m, all), memory.load(l, all)];
  memory.store(lse, all, lseOf(finalM, finalL));
  return { algorithm: 'flash1', steps, skipped, out, lse, reads: memory.reads, writes: memory.writes };
}

/**
 * FlashAttention-2 (Dao 2023, https://arxiv.org/abs/2307.08691, Algorithm 1): the loop over query tiles is outside, m, l and O
 * stay on chip, and O is divided by l once, at the end. Every visited tile loads K and V of its keys.
 */
export function traceFlash2(problem: TraceProblem, { br, bc }: TileSize): TraceWalk {
  const memory = new DeviceMemory();
  const Dv = problem.v[0].length;
  const out: (readonly number[])[] = [];
  const lse: number[] = [];

  const steps: TraceStep[] = [];
  const skipped: { i: number; j: number }[] = [];
  tiles(problem.q.length, br).forEach((queries, i) => {
    const q = memory.load(problem.q, queries);
    let state: RowState = {
      m: q.map(() => -Infinity),
      l: q.map(() => 0),
      o: zeros(q.length, Dv),
    };
    tiles(problem.k.length, bc).forEach((keys, j) => {
      if (!isVisited(problem, queries, keys)) {
        skipped.push({ i, j });
        return;
      }
      const before = state;
      const [k, v] = [memory.load(problem.k, keys), memory.load(problem.v, keys)];

      // Softmax of all keys so far
      const s = scores(problem, q, k, queries, keys);
      const rowMax = s.map((row) => Math.max(...row));
      const m = rowMax.map((top, r) => Math.max(before.m[r], top));
      const p = s.map((row, r) => row.map((x) => weight(x, m[r])));
      const rowSum = p.map(sum);
      // What was summed up under the old maximum shrinks to the new one
      const oldWeight = m.map((top, r) => weight(before.m[r], top));
      const l = rowSum.map((added, r) => oldWeight[r] * before.l[r] + added);
      const o = p.map((row, r) => weightedSum(row, v).map((x, d) => oldWeight[r] * before.o[r][d] + x));

      state = { m, l, o };
      steps.push({ i, j, queries, keys, s, rowMax, p, rowSum, before, after: state, ...memory.lap() });
    });
    const { m, l, o } = state;
    // The one division
    const divided = o.map((row, r) => row.map((x) => (l[r] > 0 ? x / l[r] : 0)));
    memory.store(out, queries, divided);
    memory.store(lse, queries, lseOf(m, l));
    memory.lap();
  });
  return { algorithm: 'flash2', steps, skipped, out, lse, reads: memory.reads, writes: memory.writes };
}
