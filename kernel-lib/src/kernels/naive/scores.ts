import type { Kernel } from '../../device/pipeline-cache';
import { type Params, paramsStruct } from '../../wgsl/params';
import { loadFunction, stageLength, stageOwn, stageStep, storageArray } from '../../wgsl/staging';
import { columnsPerThread, eachRow, innerProducts, type TileShape } from '../../wgsl/tiles';
import { BASE_WGSL, enableWgsl, mainWgsl } from '../flash2/common';

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
export function scoresKernel(t: TileShape, width: number, params: Params): Kernel {
  const groups = Array.from({ length: columnsPerThread(t) / 4 }, (_, g) => g);
  const code = `
${enableWgsl(t)}
${paramsStruct(params)}
@group(0) @binding(0) var<uniform> params: Params;
${storageArray(1, 'read', 'rows_q', width)}
${storageArray(2, 'read', 'rows_k', width)}
@group(0) @binding(3) var<storage, read_write> matrix: array<vec4f>;
var<workgroup> own: array<vec4f, ${stageLength(t.own, t.tx, width)}>;
var<workgroup> stage: array<vec4f, ${stageLength(t.step, t.tx, width)}>;
${loadFunction('rows_q', width)}
${loadFunction('rows_k', width)}
${BASE_WGSL}

${mainWgsl(t)}
let tiles = (params.Nq + ${t.own - 1}u) / ${t.own}u;
let group = params.first + id.x;
let i0 = group % tiles * ${t.own}u;
let local = group / tiles;
let h = (params.head0 + local) % params.H;
let b = (params.head0 + local) / params.H;
let k_base = base(b, h / (params.H / params.Hk), params.k_strides);
${stageOwn(t, 'own', t.own, { name: 'rows_q', size: width, base: 'base(b, h, params.q_strides)', rowStride: 'params.q_strides.z', row0: 'i0', rows: 'params.Nq', scale: 'params.scale' })}
for (var j0 = 0u; j0 < params.Nk; j0 += ${t.step}u) {
  workgroupBarrier();
  ${stageStep(t, 'stage', t.step, { name: 'rows_k', size: width, base: 'k_base', rowStride: 'params.k_strides.z', row0: 'j0', rows: 'params.Nk' })}
  workgroupBarrier();
  ${innerProducts(t, 's', 'own', 'stage', width)}
  ${eachRow(
    t,
    (r) => `if (i0 + y0 + ${r}u < params.Nq) {
    let at = (local * params.Nq + i0 + y0 + ${r}u) * params.Nk4;
    ${groups.map((g) => `{ let c = j0 / 4u + sx + ${g * t.sx}u; if ((x < ${t.sx}u) & (c < params.Nk4)) { matrix[at + c] = vec4f(${[0, 1, 2, 3].map((e) => `s_${r}_${4 * g + e}`).join(', ')}); } }`).join('\n')}
  }`,
  )}
}
}`;
  return { label: 'naive scores', code, access: ['read', 'read', 'read_write'] };
}
