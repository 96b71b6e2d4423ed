import type { Kernel } from '../../device/pipeline-cache';
import type { ScoreFeatures } from '../../features/score';
import { declareRows, laneMainWgsl, type LaneTile, loadRows, ownRows, partOf, rowArray } from '../../wgsl/lane-tile';
import { laneProducts, loadStep } from '../../wgsl/lanes';
import { type Params, range } from '../../wgsl/params';
import { type Element, loadFunction, storageArray } from '../../wgsl/staging';
import { featureAccess, headWgsl, ownQueriesWgsl, rowsOf } from '../common';

/**
 * matrix = scale rows_q rows_k^T as lane tiles (wgsl/lane-tile.ts); scores.ts is the same for a GPU. A lane owns rows of the matrix.
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
  const fours = range(t.step / 4);
  const store = (r: number, g: number): string => {
    const four = [0, 1, 2, 3].map((e) => partOf(t, 's', 4 * g + e, r));
    return `if (j0 / 4u + ${g}u < params.Nk4) { matrix[at + j0 / 4u + ${g}u] = vec4f(${four.join(', ')}); }`;
  };
  const k = { ...rowsOf('k', width), name: 'rows_k' };
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
${rowArray(t, 's', t.step)}
for (var j0 = 0u; j0 < seq.Nk; j0 += ${t.step}u) {
  ${loadStep(t, k)}
  ${laneProducts(t, 's', 'own', k)}
  ${range(t.rows)
    .map(
      (r) => `{
    let i = i0 + ${r * t.lanes}u + x;
    if (i < seq.Nq) {
      let at = ((b * params.H + h) * params.Nq + i) * params.Nk4;
      ${fours.map((g) => store(r, g)).join(' ')}
    }
  }`,
    )
    .join('\n')}
}
}`;
  return { label: 'naive scores', code, access: ['read', 'read', 'read_write', ...featureAccess(f)] };
}
