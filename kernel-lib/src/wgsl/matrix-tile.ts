import type { MatrixShape, MatrixUnit } from './matrix-types';

// The numbers of matrix tiles, whose text is in matrices.ts: rows, lanes, distances, bytes.

export interface MatrixTile extends MatrixShape {
  readonly unit: MatrixUnit;
  /** Halves that a number is made of: 1 for f16; 2 for f32, the second being what the first has rounded away. */
  readonly parts: 1 | 2;
  /** Regions of scores and of weights. */
  readonly regions: { readonly scores: 1 | 2; readonly weights: 1 | 2 };
}

export const threads = ({ subgroups, unit }: MatrixTile): number => subgroups * unit.lanes;
/** Rows of a subgroup. */
export const rowsOfGroup = ({ rows, unit }: MatrixTile): number => rows * unit.M;
/** Rows that stay. */
export const ownMatrixRows = (t: MatrixTile): number => (t.subgroups / t.split) * rowsOfGroup(t);
/** Length of a row of `size` numbers, filled up so that whole matrices cover it, whichever operand it is. */
export const paddedSize = ({ unit, split }: MatrixTile, size: number): number => {
  const unitSize = Math.max(unit.K, unit.N * split);
  return Math.ceil(size / unitSize) * unitSize;
};
/** Distance of two staged rows in vec4s of eight halves: eight more than a row, so that neighbours start in different banks. */
export const matrixStride = (t: MatrixTile, size: number): number => paddedSize(t, size) / 8 + 1;
/**
 * Distance of two rows of scores in vec4s, 2 more than a multiple of 4: four neighbouring rows start in the four quarters of the banks, so that the pairs of
 * floats that an NVIDIA GPU stores of a matrix meet nowhere. Lanes then read by pairs of vec4s, every other four lanes the second of a pair first.
 */
export const scoreStride = ({ step }: MatrixTile): number => 4 * Math.ceil((step / 4 - 2) / 4) + 2;
/** Distance of two rows of weights: odd, so that eight rows of a matrix of halves start in different banks. */
export const weightStride = ({ step, parts }: MatrixTile): number => ((parts * step) / 8) | 1;
/** Vec4s of a region. */
export const scoreVec4s = (t: MatrixTile): number => ownMatrixRows(t) * scoreStride(t);
export const weightVec4s = (t: MatrixTile): number => ownMatrixRows(t) * weightStride(t);

/** Lanes that share a row of scores, and rows of a lane: one of them is 1. */
export const lanesPerRow = (t: MatrixTile): number => Math.max(1, t.unit.lanes / (rowsOfGroup(t) / t.split));
export const rowsPerLane = (t: MatrixTile): number => Math.max(1, rowsOfGroup(t) / t.split / t.unit.lanes);
/** Rows that the lanes have side by side. Neighbours have different rows, as theirs meet in no bank: see scoreStride. */
export const rowsOfLanes = (t: MatrixTile): number => t.unit.lanes / lanesPerRow(t);
/** Vec4s of a row that a lane has. */
export const vec4sPerLane = (t: MatrixTile): number => t.step / 4 / lanesPerRow(t);

/** Whether the numbers of a tile divide as matrices.ts takes for granted. */
export const isRegular = (t: MatrixTile): boolean =>
  t.subgroups % t.split === 0 &&
  t.step % t.unit.K === 0 &&
  t.step % (t.unit.N * t.split) === 0 &&
  vec4sPerLane(t) % 2 === 0 &&
  t.step / 4 <= threads(t) &&
  t.unit.K % 8 === 0 &&
  t.unit.N % 8 === 0;

/** Bytes of workgroup memory with staged rows of `sizes`. */
export const matrixBytes = (t: MatrixTile, sizes: readonly number[]): number =>
  16 * (t.regions.scores * scoreVec4s(t) + t.regions.weights * weightVec4s(t)) +
  16 * sizes.reduce((sum, size) => sum + t.parts * t.step * matrixStride(t, size), 0) +
  4 * ownMatrixRows(t) +
  16;
