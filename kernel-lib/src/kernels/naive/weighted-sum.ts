import type { Kernel } from '../../device/pipeline-cache';
import { type Params, paramsStruct } from '../../wgsl/params';
import { loadFunction, stageLength, stageStep, storageArray, storeFunction, storeOwn } from '../../wgsl/staging';
import { accumulate, bound, declareResult, type TileShape, weightStride } from '../../wgsl/tiles';
import { BASE_WGSL, enableWgsl, mainWgsl } from '../flash2/common';

/** Bytes of workgroup memory. */
export const weightedSumBytes = (t: TileShape, width: number): number =>
  16 * (stageLength(Math.max(t.own, t.step), t.tx, width) + t.own * weightStride(t));

/**
 * result = scale M rows, or scale M^T rows, for each head, M being a score matrix in device memory:
 * out = P V and dQ = scale dS K; transposed dV = P^T dO and dK = scale dS^T Q, summed over the query heads of a group.
 *
 * A workgroup owns t.own result rows (queries, or keys if transposed) and walks over the other side.
 * @param width length of the rows of operand and result
 */
export function weightedSumKernel(t: TileShape, width: number, transposed: boolean, params: Params): Kernel {
  const code = `
${enableWgsl(t)}
${paramsStruct(params)}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> matrix: array<vec4f>;
${storageArray(2, 'read', 'rows', width)}
${storageArray(3, 'read_write', 'result', width)}
var<workgroup> stage: array<vec4f, ${stageLength(Math.max(t.own, t.step), t.tx, width)}>;
var<workgroup> weights: array<vec4f, ${t.own * weightStride(t)}>;
${loadFunction('rows', width)}
${storeFunction('result', width)}
${BASE_WGSL}
${transposed ? LOAD_SCORE_WGSL : LOAD_SCORES_WGSL}

${mainWgsl(t)}
let rows_own = ${transposed ? 'params.Nk' : 'params.Nq'};
let rows_step = ${transposed ? 'params.Nq' : 'params.Nk'};
let tiles = (rows_own + ${t.own - 1}u) / ${t.own}u;
let group = params.first + id.x;
let r0 = group % tiles * ${t.own}u;
let heads = params.H / params.Hk;
// The result's head, counted over batches: a query head, or a key/value head if transposed.
let target_head = group / tiles + params.head0${transposed ? ' / heads' : ''};
${declareResult(t, 'acc', width)}
${transposed ? 'for (var g = 0u; g < heads; g++) {\nlet head = target_head * heads + g;' : 'let head = target_head;'}
let h = head % params.H;
let b = head / params.H;
let at = (head - params.head0) * params.Nq * params.Nk4;
let rows_base = base(b, ${transposed ? 'h' : 'h / heads'}, params.rows_strides);
for (var s0 = 0u; s0 < rows_step; s0 += ${t.step}u) {
  workgroupBarrier();
  ${stageStep(t, 'stage', t.step, { name: 'rows', size: width, base: 'rows_base', rowStride: 'params.rows_strides.z', row0: 's0', rows: 'rows_step' })}
  ${transposed ? stageTransposed(t) : stageStraight(t)}
  workgroupBarrier();
  ${accumulate(t, 'acc', 'weights', 'stage', width)}
}
${transposed ? '}' : ''}
let result_base = base(target_head / ${transposed ? 'params.Hk' : 'params.H'}, target_head % ${transposed ? 'params.Hk' : 'params.H'}, params.result_strides);
${storeOwn(t, 'acc', 'stage', t.own, { name: 'result', size: width, base: 'result_base', rowStride: 'params.result_strides.z', row0: 'r0', rows: 'rows_own' }, () => 'params.scale')}
}`;
  return { label: transposed ? 'naive transposed sum' : 'naive sum', code, access: ['read', 'read', 'read_write'] };
}

const LOAD_SCORES_WGSL = `
// Four scores of query i, from key 4c on; 0 where there are none.
fn load_scores(at: u32, i: u32, c: u32) -> vec4f {
  var value = vec4f();
  if ((i < params.Nq) & (c < params.Nk4)) { value = matrix[at + i * params.Nk4 + c]; }
  return value;
}`;

const stageStraight = (t: TileShape): string => `
for (var e = lid; e < ${bound(t, (t.own * t.step) / 4)}; e += ${t.tx * t.ty}u) {
  let row = e / ${t.step / 4}u;
  let c = e % ${t.step / 4}u;
  weights[row * ${weightStride(t)}u + c] = load_scores(at, r0 + row, s0 / 4u + c);
}`;

const LOAD_SCORE_WGSL = `
fn load_score(at: u32, i: u32, j: u32) -> f32 {
  var value = 0.0;
  if ((i < params.Nq) & (j < params.Nk)) { value = matrix[at + i * params.Nk4 + j / 4u][j % 4u]; }
  return value;
}`;

/** Neighbouring threads take neighbouring keys, which lie side by side in the matrix. */
const stageTransposed = (t: TileShape): string => `
for (var e = lid; e < ${bound(t, (t.own * t.step) / 4)}; e += ${t.tx * t.ty}u) {
  let row = e % ${t.own}u;
  let c = e / ${t.own}u;
  let i = s0 + 4u * c;
  let j = r0 + row;
  weights[row * ${weightStride(t)}u + c] =
    vec4f(load_score(at, i, j), load_score(at, i + 1u, j), load_score(at, i + 2u, j), load_score(at, i + 3u, j));
}`;
