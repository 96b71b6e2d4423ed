import type { Kernel } from '../../device/pipeline-cache';
import { type Params, paramsStruct } from '../../wgsl/params';
import { stageLength, stageStep, storeOwn } from '../../wgsl/staging';
import { accumulate, bound, declareResult, type TileShape, weightStride } from '../../wgsl/tiles';
import { enableWgsl, mainWgsl } from '../common';
import { elementOf, loadPart, partOfRows } from './rows';

/** Columns of the result that a workgroup owns. */
export const BLOCK = 64;

/** Bytes of workgroup memory. */
export const weightedSumBytes = (t: TileShape): number =>
  16 * (stageLength(Math.max(t.own, t.step), t.tx, BLOCK) + t.own * weightStride(t));

export interface WeightedSumSizes {
  /** Rows of the result, length of the sum, columns of the result. */
  readonly R: number;
  readonly I: number;
  readonly C: number;
}

/**
 * The two products of a linear layer's backward: result += A B with A (R,I) and B (I,C), as dx = dy W; or result += A^T B with A
 * stored as (I,R), as dW = dy^T x. Whether the result begins at what is there or at 0 is a uniform.
 *
 *     for each step over I:  load A_i, B_j;  acc += A_i B_j
 *
 * A workgroup owns `own` rows and BLOCK columns of the result. Two barriers a step. Workgroup memory: see weightedSumBytes.
 */
export function weightedSumKernel(t: TileShape, sizes: WeightedSumSizes, transposed: boolean, params: Params): Kernel {
  const foursA = !transposed && sizes.I % 4 === 0;
  const fours = sizes.C % 4 === 0;
  const code = `
${enableWgsl(t)}
${paramsStruct(params)}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> factors: array<${elementOf(foursA)}>;
@group(0) @binding(2) var<storage, read> rows: array<${elementOf(fours)}>;
@group(0) @binding(3) var<storage, read_write> result: array<${elementOf(fours)}>;
var<workgroup> stage: array<vec4f, ${stageLength(Math.max(t.own, t.step), t.tx, BLOCK)}>;
var<workgroup> weights: array<vec4f, ${t.own * weightStride(t)}>;
${loadPart('rows', 'params.C', fours)}
${transposed ? LOAD_TRANSPOSED : loadPart('factors', 'params.I', foursA)}
${storeResult(fours)}

${mainWgsl(t)}
let blocks = (params.C + ${BLOCK - 1}u) / ${BLOCK}u;
let r0 = group / blocks * ${t.own}u;
let c0 = group % blocks * ${BLOCK}u;
${declareResult(t, 'acc', BLOCK)}
for (var s0 = 0u; s0 < params.I; s0 += ${t.step}u) {
  workgroupBarrier();
  ${stageStep(t, 'stage', t.step, partOfRows('rows', BLOCK, 'c0', 's0', 'params.I'))}
  ${stageFactors(t, transposed)}
  workgroupBarrier();
  ${accumulate(t, 'acc', 'weights', 'stage', BLOCK)}
}
${storeOwn(t, 'acc', 'stage', t.own, { name: 'result', size: BLOCK, base: 'c0', rowStride: 'params.C', row0: 'r0', rows: 'params.R' }, () => '1.0')}
}`;
  return {
    label: transposed ? 'linear transposed sum' : 'linear sum',
    code,
    access: ['read', 'read', 'read_write'],
  };
}

/** Stored as (I,R): four numbers of a column. */
const LOAD_TRANSPOSED = `
fn load_factors(at: vec2u, d: u32) -> vec4f {
  let i = 4u * (at.y + d);
  var value = vec4f();
  for (var e = 0u; e < 4u; e++) {
    if ((at.x < params.R) & (i + e < params.I)) { value[e] = factors[(i + e) * params.R + at.x]; }
  }
  return value;
}`;

/** Neighbouring threads take what lies side by side: parts of a row of A, or rows where A is transposed. */
const stageFactors = (t: TileShape, transposed: boolean): string => `
for (var e = lid; e < ${bound(t, (t.own * t.step) / 4)}; e += ${t.tx * t.ty}u) {
  let row = ${transposed ? `e % ${t.own}u` : `e / ${t.step / 4}u`};
  let c = ${transposed ? `e / ${t.own}u` : `e % ${t.step / 4}u`};
  var value = vec4f();
  if (r0 + row < params.R) { value = load_factors(vec2u(r0 + row, s0 / 4u), c); }
  weights[row * ${weightStride(t)}u + c] = value;
}`;

/** `at` is the first element of the workgroup's part of a row. */
const storeResult = (fours: boolean): string => `
fn store_result(at: u32, d: u32, value: vec4f) {
  let column = at % params.C + 4u * d;
  ${
    fours
      ? `if (column < params.C) {
    let place = at / 4u + d;
    result[place] = select(value, result[place] + value, params.add == 1u);
  }`
      : `for (var e = 0u; e < 4u; e++) {
    if (column + e < params.C) {
      let place = at + 4u * d + e;
      result[place] = select(value[e], result[place] + value[e], params.add == 1u);
    }
  }`
  }
}`;
