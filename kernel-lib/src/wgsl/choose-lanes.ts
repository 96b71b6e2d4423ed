import type { DeviceFacts } from '../device/device';
import type { LaneTile } from './lanes';
import { vec4s } from './tiles';

/** Bytes of a lane's private arrays times its lanes, at the most: three quarters of a first-level cache. */
const ARRAY_BYTES = 24576;

/** Rows of a workgroup, at the most: twice as many are no faster, and their code takes three times as long to compile. */
const ROWS = 32;

/** Scores of a lane in a turn, at the most: each has the text of all features, and 32 of them compile for a minute. */
export const LANE_SCORES = 8;

/** Numbers that a lane keeps for one row, at the most: the code grows with them. */
const NUMBERS = 1024;

/**
 * The lane tile of a kernel, or null where there is none: on a GPU, without subgroups of a fixed size, and for heads so long that
 * the unrolled code would take seconds to compile.
 * @param numbers  numbers that a lane keeps for one row: its rows and its results
 * @param sizes  lengths of the rows that pass by
 * @param length  how many rows stay: a lane keeps no more than there are
 * @param wanted  rows of a workgroup and of a step, where they were measured
 */
export function chooseLanes(
  { kind, subgroupSize: lanes }: DeviceFacts,
  { numbers, sizes, length }: { numbers: number; sizes: readonly number[]; length: number },
  wanted?: { readonly own: number; readonly step: number },
): LaneTile | null {
  if (kind !== 'software' || lanes < 4 || lanes > 16 || numbers > NUMBERS) return null;
  let rows = wanted ? Math.max(1, Math.floor(wanted.own / lanes)) : 2 ** Math.floor(Math.log2(ROWS / lanes));
  const tooLarge = (): boolean => !wanted && 4 * lanes * rows * numbers > ARRAY_BYTES;
  while (rows > 1 && (tooLarge() || lanes * (rows / 2) >= length)) rows = Math.floor(rows / 2);
  // No more rows of the other side than one load of the lanes brings.
  const width = Math.max(...sizes.map(vec4s));
  const most = Math.min(lanes / width, LANE_SCORES / rows);
  return { lanes, rows, step: wanted?.step ?? Math.max(1, 2 ** Math.floor(Math.log2(most))) };
}
