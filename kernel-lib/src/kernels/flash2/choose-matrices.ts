import type { Problem } from '../../api/problem';
import type { DeviceFacts } from '../../device/device';
import { isRegular, matrixBytes, type MatrixTile, ownMatrixRows, paddedSize, threads } from '../../wgsl/matrices';
import type { Pass } from './choose-tile';

/** A matrix tile with the queries and keys that it covers. */
export interface AttentionMatrices extends MatrixTile {
  readonly br: number;
  readonly bc: number;
}

/** Shapes from the best down. `rows` and `split` as in MatrixTile; the larger `rows`, the less traffic of workgroup memory. */
const SHAPES: Record<Pass, readonly Pick<MatrixTile, 'subgroups' | 'rows' | 'split' | 'step' | 'regions'>[]> = {
  forward: [
    { subgroups: 4, rows: 2, split: 1, step: 32, regions: 2 },
    { subgroups: 4, rows: 2, split: 2, step: 32, regions: 2 },
    { subgroups: 4, rows: 2, split: 2, step: 32, regions: 1 },
    { subgroups: 4, rows: 1, split: 2, step: 32, regions: 1 },
    { subgroups: 4, rows: 1, split: 4, step: 64, regions: 1 },
    { subgroups: 2, rows: 1, split: 2, step: 32, regions: 1 },
  ],
  dq: [
    { subgroups: 4, rows: 1, split: 1, step: 32, regions: 2 },
    { subgroups: 4, rows: 1, split: 2, step: 32, regions: 2 },
    { subgroups: 2, rows: 1, split: 2, step: 32, regions: 2 },
  ],
  dkdv: [
    { subgroups: 4, rows: 1, split: 1, step: 32, regions: 2 },
    { subgroups: 4, rows: 1, split: 2, step: 32, regions: 2 },
    { subgroups: 2, rows: 1, split: 2, step: 32, regions: 2 },
  ],
};

/** 32-bit registers of a lane for matrices that live through the loop, at the most; a lane has 255 for everything. */
const REGISTERS = 160;

/** Registers of a lane for own rows, results and the scores of a turn. */
function registers(pass: Pass, t: MatrixTile, { D, Dv }: Pick<Problem, 'D' | 'Dv'>): number {
  const [d, dv] = [paddedSize(t, D), paddedSize(t, Dv)];
  const own = (t.parts * (pass === 'forward' ? d : d + dv)) / 2;
  const results = (pass === 'forward' ? dv : pass === 'dq' ? d : d + dv) / t.split;
  return (t.rows * t.unit.M * (own + results + t.step / t.split)) / t.unit.lanes;
}

/** The matrix tile of a pass, or null where the device has no such units, or its workgroup memory or registers are too few. */
export function chooseMatrices(pass: Pass, p: Problem, facts: DeviceFacts): AttentionMatrices | null {
  const unit = facts.matrices;
  // Bytes of a cache, and pages, are read by other kernels.
  if (!unit || p.cache || (p.dtype === 'f32' && pass !== 'forward')) return null;
  for (const shape of SHAPES[pass]) {
    const t: MatrixTile = { unit, parts: p.dtype === 'f16' ? 1 : 2, ...shape };
    const fits =
      isRegular(t) &&
      matrixBytes(t, [p.D, p.Dv]) + 32 * (t.step / 4) <= facts.workgroupStorage &&
      threads(t) <= facts.maxInvocations &&
      registers(pass, t, p) <= REGISTERS;
    if (!fits) continue;
    const own = ownMatrixRows(t);
    return pass === 'dkdv' ? { ...t, br: t.step, bc: own } : { ...t, br: own, bc: t.step };
  }
  return null;
}
