import type { DeviceFacts } from '../device/device';
import type { LaneTile } from './lane-tile';
import { vec4s } from './tiles';

/** Bytes of a lane's private arrays times its lanes, at the most: three quarters of a first-level cache. */
const ARRAY_BYTES = 24576;

/** Rows of a workgroup, at the most: twice as many are no faster, and their code takes three times as long to compile. */
const ROWS = 32;

/** Scores of a lane in a turn, at the most: the code grows with them. */
const LANE_SCORES = 8;

/**
 * Rows of the other side in a turn of quads, and scores of a lane in it, at the most: a result is stored once for a turn's multiply-adds. Twice
 * as many scores are a fifth faster, and compile for half as long again.
 */
const QUAD_STEP = 8;
const QUAD_SCORES = 32;

/** Numbers that a lane keeps for one row, at the most: the code grows with them. */
const NUMBERS = 1024;

/** What a kernel needs of its lane tile. */
export interface LaneNeeds {
  /** Numbers that a lane keeps for one row: its rows and its results. */
  readonly numbers: number;
  /** Lengths of the rows that pass by. */
  readonly sizes: readonly number[];
  /** How many rows stay: a lane keeps no more than there are. */
  readonly length: number;
  /** Whether it takes the rows of a step one by one for its scores, so that a step may have more than one load brings: see lanes.ts. */
  readonly oneByOne?: boolean;
}

/** Rows of the other side in such a turn: a result is stored once for them. With eight the code is too long. */
const ONE_BY_ONE = 4;

/**
 * The lane tile of a kernel, or null where there is none: on a GPU, without subgroups of a fixed size, and for heads so long that
 * the unrolled code would take seconds to compile.
 * @param wanted  rows of a workgroup and of a step, where they were measured
 */
export function chooseLanes(
  { kind, subgroupSize: lanes }: DeviceFacts,
  { numbers, sizes, length, oneByOne = false }: LaneNeeds,
  wanted?: { readonly own: number; readonly step: number },
): LaneTile | null {
  if (kind !== 'software' || lanes < 4 || lanes > 16 || numbers > NUMBERS) return null;
  let most = wanted ? Math.max(1, Math.floor(wanted.own / lanes)) : 2 ** Math.floor(Math.log2(ROWS / lanes));
  while (!wanted && most > 1 && 4 * lanes * most * numbers > ARRAY_BYTES) most /= 2;
  let rows = most;
  while (rows > 1 && lanes * (rows / 2) >= length) rows = Math.floor(rows / 2);
  if (lanes === 4) {
    // Not by the length: a sequence in a packed batch has the bits of one by itself, which its sums owe to the steps.
    return { lanes, rows, step: wanted?.step ?? Math.min(QUAD_STEP, QUAD_SCORES / most), quads: true };
  }
  // No more rows of the other side than one load of the lanes brings.
  const width = Math.max(...sizes.map(vec4s));
  const steps = Math.min(lanes / width, LANE_SCORES / rows);
  const step = oneByOne && width >= lanes ? ONE_BY_ONE : Math.max(1, 2 ** Math.floor(Math.log2(steps)));
  return { lanes, rows, step: wanted?.step ?? step, quads: false };
}

/** Rows of a lane and of a step that flash.tune() tries; more would compile for too long. */
export function triedLanes({ quads }: LaneTile): { rows: number; step: number }[] {
  const [steps, scores] = quads ? [[4, 8, 16], 2 * QUAD_SCORES] : [[1, 2, 4], LANE_SCORES];
  return [1, 2, 4, 8].flatMap((rows) => steps.filter((step) => rows * step <= scores).map((step) => ({ rows, step })));
}
