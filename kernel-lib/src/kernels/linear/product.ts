import type { Kernel } from '../../device/pipeline-cache';
import { type Params, paramsStruct } from '../../wgsl/params';
import { stageLength, stageOwn, stageStep } from '../../wgsl/staging';
import { columnsPerThread, eachRow, eachScore, innerProducts, type TileShape } from '../../wgsl/tiles';
import { enableWgsl, mainWgsl } from '../common';
import { elementOf, loadPart, partOfRows } from './rows';

/** Numbers of a row that are staged at once. */
const PART = 32;

/** Bytes of workgroup memory. */
export const productBytes = (t: TileShape): number =>
  16 * (stageLength(t.own, t.tx, PART) + stageLength(t.step, t.tx, PART));

export interface ProductSizes {
  /** Rows of x and y, numbers of a row of x, numbers of a row of y. */
  readonly M: number;
  readonly K: number;
  readonly N: number;
}

/**
 * A linear layer forward: y = x W^T + b with x (M,K), W (N,K), b (N), y (M,N).
 *
 *     for each part of K:  load x_i, W_j of that part;  acc += x_i W_j^T
 *     y_ij = acc + b_j
 *
 * A workgroup owns `own` rows of x and `step` rows of W, thread (x, y) its scores of them (see wgsl/tiles.ts). Two barriers a
 * part. Workgroup memory: see productBytes.
 */
export function productKernel(t: TileShape, sizes: ProductSizes, bias: boolean, params: Params): Kernel {
  const foursIn = sizes.K % 4 === 0;
  const foursOut = sizes.N % 4 === 0;
  const out = bias ? 4 : 3;
  const code = `
${enableWgsl(t)}
${paramsStruct(params)}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> input: array<${elementOf(foursIn)}>;
@group(0) @binding(2) var<storage, read> weight: array<${elementOf(foursIn)}>;
${bias ? '@group(0) @binding(3) var<storage, read> bias: array<f32>;' : ''}
@group(0) @binding(${out}) var<storage, read_write> output: array<${elementOf(foursOut)}>;
var<workgroup> own: array<vec4f, ${stageLength(t.own, t.tx, PART)}>;
var<workgroup> stage: array<vec4f, ${stageLength(t.step, t.tx, PART)}>;
${loadPart('input', 'params.K', foursIn)}
${loadPart('weight', 'params.K', foursIn)}
fn store4(m: u32, n: u32, values: vec4f) {
  if (m >= params.M) { return; }
  var four = values;
  ${bias ? 'for (var e = 0u; e < 4u; e++) { if (n + e < params.N) { four[e] += bias[n + e]; } }' : ''}
  ${
    foursOut
      ? 'if (n < params.N) { output[(m * params.N + n) / 4u] = four; }'
      : 'for (var e = 0u; e < 4u; e++) { if (n + e < params.N) { output[m * params.N + n + e] = four[e]; } }'
  }
}

${mainWgsl(t)}
let tiles = (params.N + ${t.step - 1}u) / ${t.step}u;
let m0 = group / tiles * ${t.own}u;
let n0 = group % tiles * ${t.step}u;
${eachScore(t, (r, c) => `var acc_${r}_${c} = 0.0;`)}
for (var k0 = 0u; k0 < params.K; k0 += ${PART}u) {
  workgroupBarrier();
  ${stageOwn(t, 'own', t.own, partOfRows('input', PART, 'k0', 'm0', 'params.M'))}
  ${stageStep(t, 'stage', t.step, partOfRows('weight', PART, 'k0', 'n0', 'params.N'))}
  workgroupBarrier();
  ${innerProducts(t, 's', 'own', 'stage', PART)}
  ${eachScore(t, (r, c) => `acc_${r}_${c} += s_${r}_${c};`)}
}
${t.sx < t.tx ? `if (x >= ${t.sx}u) { return; }` : ''}
${eachRow(t, (r) =>
  Array.from({ length: columnsPerThread(t) / 4 }, (_, g) => {
    const four = [0, 1, 2, 3].map((e) => `acc_${r}_${4 * g + e}`).join(', ');
    return `store4(m0 + y0 + ${r}u, n0 + 4u * (sx + ${g * t.sx}u), vec4f(${four}));`;
  }).join('\n'),
)}
}`;
  return { label: 'linear product', code, access: ['read', 'read', ...(bias ? ['read' as const] : []), 'read_write'] };
}
