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
 * matrix = scale rows_q rows_k^T as lane tiles (wgsl/lanes.ts); scores.ts is the same for a GPU. A lane owns rows of the matrix.
 * @param width length of the rows of both operands
 */
export function scoresLanesKernel(
  lanes: LaneTile,
  width: number,
  element: Element,
  f: ScoreFeatures,
  params: Params,
): Kernel {
  // Fours of keys, which is how the matrix is stored: a store costs as much for one number as for four.
  const t = { ...lanes, step: Math.max(4, lanes.step) };
  const fours = Array.from({ length: t.step / 4 }, (_, g) => g);
  const store = (r: number, g: number): string => {
    const four = [0, 1, 2, 3].map((e) => `s_${r}_${4 * g + e}`);
    return `if (j0 / 4u + ${g}u < params.Nk4) { matrix[at + j0 / 4u + ${g}u] = vec4f(${four.join(', ')}); }`;
  };
  const code = `
enable subgroups;
${headWgsl(f, params, 4)}
${storageArray(1, 'read', 'rows_q', width, element)}
${storageArray(2, 'read', 'rows_k', width, element)}
@group(0) @binding(3) var<storage, read_write> matrix: array<vec4f>;
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
      let at = ((b * params.H + h) * params.Nq + i) * params.Nk4;
      ${fours.map((g) => store(r, g)).join(' ')}
    }
  }`,
  )}
}
}`;
  return { label: 'naive scores', code, access: ['read', 'read', 'read_write', ...featureAccess(f)] };
}
