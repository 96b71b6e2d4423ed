import type { Kernel } from '../../device/pipeline-cache';
import type { ScoreFeatures } from '../../features/score';
import {
  declareRows,
  eachLaneRow,
  laneMainWgsl,
  laneProducts,
  type LaneTile,
  loadRows,
  loadStep,
  ownRows,
} from '../../wgsl/lanes';
import type { Params } from '../../wgsl/params';
import { type Element, loadFunction, storageArray } from '../../wgsl/staging';
import { featureAccess, headWgsl, ownQueriesWgsl, rowsOf } from '../common';

/**
 * matrix = scale rows_q rows_k^T as lane tiles (wgsl/lanes.ts); scores.ts is the same for a GPU. A lane owns rows of the matrix and
 * writes their scores one by one.
 * @param width length of the rows of both operands
 */
export function scoresLanesKernel(
  t: LaneTile,
  width: number,
  element: Element,
  f: ScoreFeatures,
  params: Params,
): Kernel {
  const columns = Array.from({ length: t.step }, (_, c) => c);
  const store = (r: number, c: number): string =>
    t.step === 1
      ? `matrix[at + j0] = s_${r}_0;`
      : `if (j0 + ${c}u < seq.Nk) { matrix[at + j0 + ${c}u] = s_${r}_${c}; }`;
  const code = `
enable subgroups;
${headWgsl(f, params, 4)}
${storageArray(1, 'read', 'rows_q', width, element)}
${storageArray(2, 'read', 'rows_k', width, element)}
@group(0) @binding(3) var<storage, read_write> matrix: array<f32>;
${loadFunction('rows_q', width, element)}
${loadFunction('rows_k', width, element)}

${laneMainWgsl(t)}
${ownQueriesWgsl(ownRows(t), f)}
${declareRows(t, 'own', width)}
${loadRows(t, 'own', { ...rowsOf('q', width), name: 'rows_q', scale: 'params.scale' })}
for (var j0 = 0u; j0 < seq.Nk; j0 += ${t.step}u) {
  ${loadStep(t, 'k', { ...rowsOf('k', width), name: 'rows_k' })}
  ${laneProducts(t, 's', 'own', 'k', width)}
  ${eachLaneRow(
    t,
    (r) => `{
    let i = i0 + ${r * t.lanes}u + x;
    if (i < seq.Nq) {
      let at = 4u * ((b * params.H + h) * params.Nq + i) * params.Nk4;
      ${columns.map((c) => store(r, c)).join(' ')}
    }
  }`,
  )}
}
}`;
  return { label: 'naive scores', code, access: ['read', 'read', 'read_write', ...featureAccess(f)] };
}
