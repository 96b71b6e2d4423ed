import type { Kernel } from '../../device/pipeline-cache';
import type { ScoreFeatures } from '../../features/score';
import type { Params } from '../../wgsl/params';
import { type Element, loadFunction, stageLength, stageOwn, stageStep, storageArray } from '../../wgsl/staging';
import { columnsPerThread, eachRow, innerProducts, type TileShape } from '../../wgsl/tiles';
import { enableWgsl, featureAccess, headWgsl, mainWgsl, ownQueriesWgsl, rowsOf } from '../common';

/** Bytes of workgroup memory. */
export const scoresBytes = (t: TileShape, width: number): number =>
  16 * (stageLength(t.own, t.tx, width) + stageLength(t.step, t.tx, width));

/**
 * matrix = scale rows_q rows_k^T for each head: S = scale Q K^T, or with other operands dP = dO V^T.
 * The first pass of standard attention (Dao 2022, Algorithm 0, line 1): every score goes to device memory.
 *
 * A workgroup owns t.own rows of one query head and walks over all keys. A matrix row takes Nk4 vec4s.
 * @param width length of the rows of both operands
 */
export function scoresKernel(t: TileShape, width: number, element: Element, f: ScoreFeatures, params: Params): Kernel {
  const groups = Array.from({ length: columnsPerThread(t) / 4 }, (_, g) => g);
  const code = `
${enableWgsl(t)}
${headWgsl(f, params, 4)}
${storageArray(1, 'read', 'rows_q', width, element)}
${storageArray(2, 'read', 'rows_k', width, element)}
@group(0) @binding(3) var<storage, read_write> matrix: array<vec4f>;
var<workgroup> own: array<vec4f, ${stageLength(t.own, t.tx, width)}>;
var<workgroup> stage: array<vec4f, ${stageLength(t.step, t.tx, width)}>;
${loadFunction('rows_q', width, element)}
${loadFunction('rows_k', width, element)}

${mainWgsl(t)}
${ownQueriesWgsl(t.own, f)}
${stageOwn(t, 'own', t.own, { ...rowsOf('q', width), name: 'rows_q', scale: 'params.scale' })}
for (var j0 = 0u; j0 < seq.Nk; j0 += ${t.step}u) {
  workgroupBarrier();
  ${stageStep(t, 'stage', t.step, { ...rowsOf('k', width), name: 'rows_k' })}
  workgroupBarrier();
  ${innerProducts(t, 's', 'own', 'stage', width)}
  ${eachRow(
    t,
    (r) => `if (i0 + y0 + ${r}u < seq.Nq) {
    let at = ((b * params.H + h) * params.Nq + i0 + y0 + ${r}u) * params.Nk4;
    ${groups.map((g) => `{ let c = j0 / 4u + sx + ${g * t.sx}u; if ((x < ${t.sx}u) & (c < params.Nk4)) { matrix[at + c] = vec4f(${[0, 1, 2, 3].map((e) => `s_${r}_${4 * g + e}`).join(', ')}); } }`).join('\n')}
  }`,
  )}
}
}`;
  return { label: 'naive scores', code, access: ['read', 'read', 'read_write', ...featureAccess(f)] };
}
