import type { Problem, ScoreOperand } from '../api/problem';

// Rows are counted in the order of lse, which is (B,H,Nq) or, for packed sequences, (H,totalQ). Dense arrays are contiguous in
// 'bhnd' order whatever the layout of the tensors; those of packed sequences are (total,heads,width), as they are stored.

/** One query row, and the keys that its band lets it see: `count` of them from key `begin` on. Offsets count numbers. */
export interface Row {
  readonly b: number;
  readonly h: number;
  /** Place of the query within its sequence. */
  readonly i: number;
  /** Offset of the query (D numbers). */
  readonly q: number;
  /** Offset of the row of out or dout (Dv numbers). */
  readonly out: number;
  /** The key on the diagonal, i + Nk - Nq with the lengths of its own sequence. */
  readonly diagonal: number;
  readonly begin: number;
  readonly count: number;
  /** Offset of key `begin` in k, and the distance to the next key of the same head. */
  readonly k: number;
  readonly kStride: number;
  /** The same in v. */
  readonly v: number;
  readonly vStride: number;
}

/** How many queries and keys are stored for one head: those of one sequence, or of all packed ones. */
function stored({ Nq, Nk, sequences }: Problem): { queries: number; keys: number } {
  if (!sequences) return { queries: Nq, keys: Nk };
  const { cuSeqlensQ, cuSeqlensK } = sequences;
  return { queries: cuSeqlensQ[cuSeqlensQ.length - 1], keys: cuSeqlensK[cuSeqlensK.length - 1] };
}

/** Number of query rows, which is the size of lse. */
export function rowCount(problem: Problem): number {
  const heads = problem.sequences ? problem.H : problem.B * problem.H;
  return heads * stored(problem).queries;
}

/** Number of key rows in k and v over all key/value heads. */
export function keyRowCount(problem: Problem): number {
  const heads = problem.sequences ? problem.Hk : problem.B * problem.Hk;
  return heads * stored(problem).keys;
}

export function placeOfRow(problem: Problem, index: number): Row {
  const { H, Hk, D, Dv, band, sequences } = problem;
  const { queries } = stored(problem);
  const head = Math.floor(index / queries);
  const h = head % H;
  const hk = Math.floor((h * Hk) / H);
  const rest = index % queries;
  let { Nq, Nk } = problem;
  let b = Math.floor(head / H);
  let i = rest;
  let queryRow = index;
  let keyRow = (b * Hk + hk) * Nk;
  let keyStep = 1;
  if (sequences) {
    const { cuSeqlensQ, cuSeqlensK } = sequences;
    b = sequenceOf(cuSeqlensQ, rest);
    Nq = cuSeqlensQ[b + 1] - cuSeqlensQ[b];
    Nk = cuSeqlensK[b + 1] - cuSeqlensK[b];
    i = rest - cuSeqlensQ[b];
    queryRow = rest * H + h;
    keyRow = cuSeqlensK[b] * Hk + hk;
    keyStep = Hk;
  }
  const diagonal = i + Nk - Nq;
  // The truth has its own copy of this rule, so that an error in the kernels' rule shows.
  const centre = band.topLeft ? i : diagonal;
  const begin = Math.max(0, centre - band.left);
  const count = Math.max(0, Math.min(Nk, centre + band.right + 1) - begin);
  const [q, out] = [queryRow * D, queryRow * Dv];
  const [kStride, vStride] = [keyStep * D, keyStep * Dv];
  const [k, v] = [keyRow * D + begin * kStride, keyRow * Dv + begin * vStride];
  return { b, h, i, q, out, diagonal, begin, count, k, kStride, v, vStride };
}

/** The sequence that holds a packed row: the last one that begins at or before it and is not empty. */
function sequenceOf(cuSeqlens: Int32Array, row: number): number {
  let low = 0;
  let high = cuSeqlens.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (cuSeqlens[middle] <= row) low = middle;
    else high = middle;
  }
  return low;
}

/**
 * Where the rows that are counted in the order of lse lie among the rows of q, out and their gradients: the same place, but
 * for packed sequences, whose q is (totalQ,H,D).
 */
export function storedRows(problem: Problem, rows: ArrayLike<number>): number[] {
  return Array.from(rows, (row) => placeOfRow(problem, row).q / problem.D);
}

/** Where the numbers of bias or mask for one row of scores lie: that of key j at offset + j * stride. */
export function operandRow(shape: ScoreOperand['shape'], { b, h, i }: Row): { offset: number; stride: number } {
  const [sizeB, sizeH, sizeQ, sizeK] = shape;
  const along = (size: number, index: number): number => (size === 1 ? 0 : index);
  const row = (along(sizeB, b) * sizeH + along(sizeH, h)) * sizeQ + along(sizeQ, i);
  return { offset: row * sizeK, stride: along(sizeK, 1) };
}
