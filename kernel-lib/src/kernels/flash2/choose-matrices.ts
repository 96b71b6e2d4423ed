import type { Problem } from '../../api/problem';
import type { DeviceFacts } from '../../device/device';
import { tunedMatrices } from '../../device/tuning';
import type { MatrixShape } from '../../wgsl/matrix-types';
import { isRegular, matrixBytes, type MatrixTile, ownMatrixRows, paddedSize, threads } from '../../wgsl/matrix-tile';
import type { Pass } from './choose-tile';

/** A matrix tile with the queries and keys that it covers. */
export interface AttentionMatrices extends MatrixTile {
  readonly br: number;
  readonly bc: number;
}

const shape = (subgroups: number, rows: number, split: number, step = 32): MatrixShape => ({
  subgroups,
  rows,
  split,
  step,
});

/** The shapes of a kind of pass. */
interface Shapes {
  /** From the best down, the larger `rows`, the less traffic of workgroup memory, to what fits small memories. */
  readonly table: readonly MatrixShape[];
  /** What flash.tune() tries beside them: other numbers of threads, of rows that stay, and of rows that pass by a turn. */
  readonly more: readonly MatrixShape[];
}

const SMALL = [shape(2, 1, 2), shape(2, 1, 1), shape(2, 1, 1, 16)];
const MORE_GRADIENT = [shape(8, 1, 1), shape(8, 2, 2), shape(4, 1, 1, 16), shape(4, 1, 1, 64), shape(8, 1, 2, 64)];

const SHAPES: Record<Pass, Shapes> = {
  forward: {
    table: [shape(4, 2, 1), shape(4, 2, 2), shape(4, 1, 2), shape(4, 1, 4, 64), ...SMALL],
    more: [
      shape(8, 2, 1),
      shape(8, 2, 2),
      shape(8, 1, 1),
      shape(4, 1, 1),
      shape(4, 2, 1, 16),
      shape(4, 2, 1, 64),
      shape(4, 1, 1, 64),
      shape(4, 4, 2),
      shape(2, 2, 1),
    ],
  },
  dq: {
    table: [shape(4, 2, 1), shape(4, 2, 1, 16), shape(4, 2, 2), shape(4, 1, 1), shape(4, 1, 2), ...SMALL],
    more: MORE_GRADIENT,
  },
  dkdv: {
    table: [shape(4, 2, 1), shape(4, 2, 2), shape(4, 1, 1), shape(4, 1, 2), ...SMALL],
    more: MORE_GRADIENT,
  },
};

/** Products that lanes read together, and weights that they make of them. */
const REGIONS: Record<Pass, MatrixTile['regions']> = {
  forward: { scores: 1, weights: 1 },
  dq: { scores: 2, weights: 1 },
  dkdv: { scores: 2, weights: 2 },
};

/** 32-bit registers of a lane for matrices that live through the loop, at the most; a lane has 255 for everything. */
const REGISTERS = 160;
/** Of shapes that are measured before they are used. */
const MORE_REGISTERS = 224;

/** Registers of a lane for own rows, results and the scores of a turn. */
function registers(pass: Pass, t: MatrixTile, { D, Dv }: Pick<Problem, 'D' | 'Dv'>): number {
  const [d, dv] = [paddedSize(t, D), paddedSize(t, Dv)];
  const own = (t.parts * (pass === 'forward' ? d : d + dv)) / 2;
  const results = (pass === 'forward' ? dv : pass === 'dq' ? d : d + dv) / t.split;
  return (t.rows * t.unit.M * (own + results + t.step / t.split)) / t.unit.lanes;
}

/** The tile of a shape, or null where it takes more than the device has. */
function tileOf(
  pass: Pass,
  taken: MatrixShape,
  p: Problem,
  { matrices, workgroupStorage, maxInvocations }: DeviceFacts,
  most: number,
): AttentionMatrices | null {
  const t: MatrixTile = { ...taken, unit: matrices!, parts: p.dtype === 'f16' ? 1 : 2, regions: REGIONS[pass] };
  const fits =
    isRegular(t) &&
    matrixBytes(t, [p.D, p.Dv]) + 32 * (t.step / 4) <= workgroupStorage &&
    threads(t) <= maxInvocations &&
    registers(pass, t, p) <= most;
  if (!fits) return null;
  const own = ownMatrixRows(t);
  return pass === 'dkdv' ? { ...t, br: t.step, bc: own } : { ...t, br: own, bc: t.step };
}

/** The matrix tile of a pass, or null where the device has no such units, or its workgroup memory or registers are too few. */
export function chooseMatrices(pass: Pass, p: Problem, facts: DeviceFacts): AttentionMatrices | null {
  // Bytes of a cache, and pages, are read by other kernels.
  if (!facts.matrices || p.cache || (p.dtype === 'f32' && pass !== 'forward')) return null;
  const tuned = tunedMatrices(facts.tuned, pass, p);
  const measured = tuned && tileOf(pass, tuned, p, facts, MORE_REGISTERS);
  if (measured) return measured;
  for (const taken of SHAPES[pass].table) {
    const t = tileOf(pass, taken, p, facts, REGISTERS);
    if (t) return t;
  }
  return null;
}

/** The shapes that flash.tune() tries for a pass. */
export function triedMatrices(pass: Pass, p: Problem, facts: DeviceFacts): MatrixShape[] {
  const { table, more } = SHAPES[pass];
  return [...table, ...more].filter((taken) => tileOf(pass, taken, p, facts, MORE_REGISTERS));
}
