import type { DeviceFacts } from '../device/device';
import type { LaneTile } from './lane-tile';
import { vec4s } from './tiles';

/**
 * Bytes of a lane's private arrays times its lanes, at the most: a first-level cache, where twice the rows halve what a key costs to load and hand
 * round, and three quarters of it in a gradient's kernel that has several rows anyway, or compiles for long.
 */
const ARRAY_BYTES = { one: 32768, several: 24576 };

/** Rows of a workgroup, at the most: twice as many are no faster, and their code takes three times as long to compile. */
const ROWS = 32;

/** Scores of a lane in a turn, at the most, and of a kernel that takes the rows of a step one by one: the code grows with them. */
const LANE_SCORES = 8;
const ONE_BY_ONE_SCORES = 16;

/** Rows of the other side in a turn that takes them one by one, at the most: a result is stored once for them. With eight the code is too long. */
const ONE_BY_ONE = 4;

/** Seconds that Mesa may compile such a kernel, on the machine of docs/performance.md. */
const COMPILE_SECONDS = 2.1;

/** What it takes, about: the first part is for its loads and stores, which LLVM orders, the second for its arithmetic. */
const compileSeconds = (rows: number, step: number, [D, Dv]: readonly number[]): number =>
  ((rows * (D + Dv)) / 1024) ** 1.5 + ((rows + 1) * (D + step * Dv)) / 2000;

/**
 * Rows of the other side in a turn of quads, and scores of a lane in it, at the most: a result is stored once for a turn's multiply-adds. Twice
 * as many scores are a fifth faster, and compile for half as long again.
 */
const QUAD_STEP = 8;
const QUAD_SCORES = 32;
/** Numbers of a row beyond which half as many rows pass a turn: a tenth to a fifth slower, and compiled in half the time. */
const QUAD_NUMBERS = 512;

/** Numbers that a lane keeps for one row, at the most: the code grows with them. */
const NUMBERS = 1024;

/** What a kernel needs of its lane tile. */
interface LaneNeeds {
  /** Numbers that a lane keeps for one row: its rows and its results. */
  readonly numbers: number;
  /** Lengths of the rows that pass by, first of those that make the scores. */
  readonly sizes: readonly number[];
  /** How many rows stay: a lane keeps no more than there are. */
  readonly length: number;
  /** Whether it takes the rows of a step one by one for its scores, so that a step may have more than one load brings: see lanes.ts. */
  readonly oneByOne?: boolean;
}

/**
 * The lane tile of a kernel, or null where there is none: on a GPU, without subgroups of a fixed size, and for heads so long that
 * the unrolled code would take seconds to compile.
 * @param wanted  rows of a workgroup and of a step, where they were measured
 */
export function chooseLanes(
  { kind, driver, subgroupSize: lanes }: DeviceFacts,
  { numbers, sizes, length, oneByOne = false }: LaneNeeds,
  wanted?: { readonly own: number; readonly step: number },
): LaneTile | null {
  if (kind !== 'software' || lanes < 4 || lanes > 16 || numbers > NUMBERS) return null;
  // Powers of two: rows go together by fours.
  let most = 2 ** Math.floor(Math.log2(Math.max(1, (wanted?.own ?? ROWS) / lanes)));
  const quads = driver === 'swiftshader' && lanes === 4;
  const bytes = (): number => (oneByOne || (most === 2 && !quads) ? ARRAY_BYTES.one : ARRAY_BYTES.several);
  while (!wanted && most > 1 && 4 * lanes * most * numbers > bytes()) most /= 2;
  let rows = most;
  while (rows > 1 && lanes * (rows / 2) >= length) rows /= 2;
  const step = wanted?.step ?? stepOf(lanes, most, { quads, numbers, sizes, oneByOne: oneByOne && rows > 1 });
  return { lanes, rows, step, quads };
}

/**
 * Rows of the other side in a turn. Not by how many rows there are, if more than a row a lane: a sequence in a packed batch has the bits of one by
 * itself, which its sums owe to the steps (unless that one streams: choose-streams.ts). With a row a lane, as in decoding, all is loads, and those one by
 * one take a third longer.
 * @param rows rows of a lane where there are enough
 */
function stepOf(
  lanes: number,
  rows: number,
  { quads, numbers, sizes, oneByOne }: { quads: boolean; numbers: number; sizes: readonly number[]; oneByOne: boolean },
): number {
  if (quads) return Math.min(numbers > QUAD_NUMBERS ? QUAD_STEP / 2 : QUAD_STEP, QUAD_SCORES / rows);
  if (oneByOne && vec4s(sizes[0]) >= lanes) {
    let step = ONE_BY_ONE;
    while (step > 1 && compileSeconds(rows, step, sizes) > COMPILE_SECONDS) step /= 2;
    return step;
  }
  // No more rows of the other side than one load of the lanes brings.
  const most = Math.min(lanes / Math.max(...sizes.map(vec4s)), LANE_SCORES / rows);
  return Math.max(1, 2 ** Math.floor(Math.log2(most)));
}

/** Rows of a lane and of a step that flash.tune() tries; more would compile for too long. */
export function triedLanes({ quads }: LaneTile, oneByOne: boolean): { rows: number; step: number }[] {
  const steps = quads ? [4, 8, 16] : oneByOne ? [1, 2, 4, 8] : [1, 2, 4];
  const scores = quads ? 2 * QUAD_SCORES : oneByOne ? ONE_BY_ONE_SCORES : LANE_SCORES;
  return [1, 2, 4, 8].flatMap((rows) => steps.filter((step) => rows * step <= scores).map((step) => ({ rows, step })));
}
