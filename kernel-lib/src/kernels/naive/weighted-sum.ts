import type { Kernel } from '../../device/pipeline-cache';
import { dropout4Wgsl, type ScoreFeatures } from '../../features/score';
import type { Params } from '../../wgsl/params';
import {
  type Element,
  loadFunction,
  stageLength,
  type StageSource,
  stageStep,
  storageArray,
  storeFunction,
  storeOwn,
} from '../../wgsl/staging';
import { accumulate, bound, declareResult, type TileShape, weightStride } from '../../wgsl/tiles';
import { enableWgsl, featureAccess, headWgsl, mainWgsl } from '../common';

/** Bytes of workgroup memory. */
export const weightedSumBytes = (t: TileShape, width: number): number =>
  16 * (stageLength(Math.max(t.own, t.step), t.tx, width) + t.own * weightStride(t));

/**
 * WGSL: which tile of `own` result rows a workgroup has: r0, the result's head, and how many rows there are. The result's head is a query
 * head, or a key/value head if transposed.
 */
export const resultTileWgsl = (own: number, transposed: boolean, f: ScoreFeatures): string => `
let most = ${transposed ? 'params.Nk' : 'params.Nq'};
let tiles = (most + ${own - 1}u) / ${own}u;
let r0 = group % tiles * ${own}u;
let result_heads = ${transposed ? 'params.Hk' : 'params.H'};
let result_h = group / tiles % result_heads;
let b = group / tiles / result_heads;
let heads = params.H / params.Hk;
let feature_b = params.b0 + b;
let seq = sequence(feature_b);
let rows_own = ${transposed ? 'seq.Nk' : 'seq.Nq'};
let rows_step = ${transposed ? 'seq.Nq' : 'seq.Nk'};
${f.packed ? 'if (r0 >= rows_own) { return; }' : ''}
let result_base = base(b, result_h, params.result_strides, ${transposed ? 'seq.k0' : 'seq.q0'});`;

/** WGSL: opens the loop over the query heads h of the result's head, one or those of a group, and tells where their rows begin. */
export const eachHeadWgsl = (transposed: boolean): string => `
${transposed ? 'for (var g = 0u; g < heads; g++) {\nlet h = result_h * heads + g;' : '{\nlet h = result_h;'}
let feature_h = params.h0 + h;
let at = (b * params.H + h) * params.Nq * params.Nk4;
let rows_base = base(b, ${transposed ? 'h' : 'h / heads'}, params.rows_strides, ${transposed ? 'seq.q0' : 'seq.k0'});`;

/** The rows that pass by, and where the result goes. */
export const operandRows = (width: number): StageSource => ({
  name: 'rows',
  size: width,
  base: 'rows_base',
  rowStride: 'params.rows_strides.z',
  row0: 's0',
  rows: 'rows_step',
});
export const resultRows = (width: number): StageSource => ({
  name: 'result',
  size: width,
  base: 'result_base',
  rowStride: 'params.result_strides.z',
  row0: 'r0',
  rows: 'rows_own',
});

/**
 * result = scale M rows, or scale M^T rows, for each head, M being a score matrix in device memory:
 * out = P V and dQ = scale dS K; transposed dV = P^T dO and dK = scale dS^T Q, summed over the query heads of a group.
 *
 * A workgroup owns t.own result rows (queries, or keys if transposed) and walks over the other side.
 * @param width length of the rows of operand and result
 */
export function weightedSumKernel(
  t: TileShape,
  width: number,
  element: Element,
  transposed: boolean,
  f: ScoreFeatures,
  params: Params,
): Kernel {
  const code = `
${enableWgsl(t)}
${headWgsl(f, params, 4)}
@group(0) @binding(1) var<storage, read> matrix: array<vec4f>;
${storageArray(2, 'read', 'rows', width, element)}
${storageArray(3, 'read_write', 'result', width, element)}
var<workgroup> stage: array<vec4f, ${stageLength(Math.max(t.own, t.step), t.tx, width)}>;
var<workgroup> weights: array<vec4f, ${t.own * weightStride(t)}>;
${loadFunction('rows', width, element)}
${storeFunction('result', width, element)}
${dropout4Wgsl(f)}
${transposed ? LOAD_SCORE_WGSL : LOAD_SCORES_WGSL}

${mainWgsl(t)}
${resultTileWgsl(t.own, transposed, f)}
${declareResult(t, 'acc', width)}
${eachHeadWgsl(transposed)}
for (var s0 = 0u; s0 < rows_step; s0 += ${t.step}u) {
  workgroupBarrier();
  ${stageStep(t, 'stage', t.step, operandRows(width))}
  ${transposed ? stageTransposed(t) : stageStraight(t)}
  workgroupBarrier();
  ${accumulate(t, 'acc', 'weights', 'stage', width)}
}
}
${storeOwn(t, 'acc', 'stage', t.own, resultRows(width), () => 'params.scale')}
}`;
  return {
    label: transposed ? 'naive transposed sum' : 'naive sum',
    code,
    access: ['read', 'read', 'read_write', ...featureAccess(f)],
  };
}

const LOAD_SCORES_WGSL = `
// Four scores of query i, from key 4c on, after dropout; 0 where there are none.
fn load_scores(seq: Sequence, b: u32, h: u32, at: u32, i: u32, c: u32) -> vec4f {
  var value = vec4f();
  if ((i < seq.Nq) & (c < params.Nk4)) { value = dropout4(b, h, i, 4u * c, matrix[at + i * params.Nk4 + c]); }
  return value;
}`;

const stageStraight = (t: TileShape): string => `
for (var e = lid; e < ${bound(t, (t.own * t.step) / 4)}; e += ${t.tx * t.ty}u) {
  let row = e / ${t.step / 4}u;
  let c = e % ${t.step / 4}u;
  weights[row * ${weightStride(t)}u + c] = load_scores(seq, feature_b, feature_h, at, r0 + row, s0 / 4u + c);
}`;

const LOAD_SCORE_WGSL = `
fn load_score(seq: Sequence, b: u32, h: u32, at: u32, i: u32, j: u32) -> f32 {
  var value = 0.0;
  if ((i < seq.Nq) & (j < seq.Nk)) { value = dropout1(b, h, i, j, matrix[at + i * params.Nk4 + j / 4u][j % 4u]); }
  return value;
}`;

/** Neighbouring threads take neighbouring keys, which lie side by side in the matrix. */
const stageTransposed = (t: TileShape): string => `
for (var e = lid; e < ${bound(t, (t.own * t.step) / 4)}; e += ${t.tx * t.ty}u) {
  let row = e % ${t.own}u;
  let c = e / ${t.own}u;
  let j = r0 + row;
  var four = vec4f();
  for (var n = 0u; n < ${bound(t, 4)}; n++) { four[n] = load_score(seq, feature_b, feature_h, at, s0 + 4u * c + n, j); }
  weights[row * ${weightStride(t)}u + c] = four;
}`;
