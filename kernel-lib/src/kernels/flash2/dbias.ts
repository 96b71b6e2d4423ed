import type { Problem } from '../../api/problem';
import type { Kernel } from '../../device/pipeline-cache';
import { type ScoreFeatures, stageAdjustments, valueScale } from '../../features/score';
import type { Params } from '../../wgsl/params';
import { LOG2_E } from '../../wgsl/special-values';
import { stageLength, stageOwn, stageStep } from '../../wgsl/staging';
import { bound, eachScore, storeWeights, weightStride } from '../../wgsl/tiles';
import { backwardWgsl, loadRowStates, probabilities, scoreGradients } from './backward-common';
import { type AttentionTile, cutWgsl, enableWgsl, featureAccess, mainWgsl, rowsOf, scoreTile } from '../common';

/** Which tile of the bias a workgroup owns, of which batch and head of the bias, and where its entries begin. */
export const DBIAS_TILE_WGSL = `
let tile_q = group % params.bias_tiles_q;
let tile_k = group / params.bias_tiles_q % params.bias_tiles_k;
let bias_h = group / params.bias_tiles_q / params.bias_tiles_k % params.bias_heads;
let bias_b = group / params.bias_tiles_q / params.bias_tiles_k / params.bias_heads;
let bias_at = dot(vec4u(params.b0 + bias_b, params.h0 + bias_h, 0u, 0u), params.bias_strides) + params.dbias_base;
let to_log2 = params.scale * ${LOG2_E};`;

/** WGSL: `body` for each batch b, head h and tile of queries i0 to i1 that shares the workgroup's tile of the bias. */
export const eachSharerWgsl = ({ br }: { readonly br: number }, body: string): string => `
for (var b = bias_b; b < params.batches; b += params.bias_batches) {
  let feature_b = params.b0 + b;
  let seq = sequence(feature_b);
  let i_end = select(min((tile_q + 1u) * ${br}u, seq.Nq), seq.Nq, params.bias_rows == 1u);
  for (var h = bias_h; h < params.H; h += params.bias_heads) {
    let hk = h / (params.H / params.Hk);
    let feature_h = params.h0 + h;
    let q_base = base(b, h, params.q_strides, seq.q0);
    let out_base = base(b, h, params.out_strides, seq.q0);
    let k_base = base(b, hk, params.k_strides, seq.k0);
    let v_base = base(b, hk, params.v_strides, seq.k0);
    for (var i0 = tile_q * ${br}u; i0 < i_end; i0 += ${br}u) {
      let i1 = min(i0 + ${br}u, seq.Nq) - 1u;
      ${body}
    }
  }
}`;

/**
 * dbias = dS, summed over the axes along which the bias was broadcast.
 *
 *     acc = 0
 *     for each batch, head, tile of queries and tile of keys that share this tile of the bias:
 *       P, dP, dS as in dq.ts;  acc += dS
 *     dbias += acc, its rows added up where the bias has one
 *
 * A workgroup owns one tile of the bias and adds up everything that shares it, in a fixed order; f32, whatever the bias is.
 */
export function dbiasKernel(t: AttentionTile, p: Problem, f: ScoreFeatures, params: Params): Kernel {
  const { D, Dv } = p;
  const scores = scoreTile(t, 'queries', 'weights');
  const code = `
${backwardWgsl(enableWgsl(t), p, f, params, 7)}
@group(0) @binding(6) var<storage, read_write> dbias: array<f32>;
var<workgroup> own_q: array<vec4f, ${stageLength(t.own, t.tx, D)}>;
var<workgroup> own_dout: array<vec4f, ${stageLength(t.own, t.tx, Dv)}>;
var<workgroup> stage_k: array<vec4f, ${stageLength(t.step, t.tx, D)}>;
var<workgroup> stage_v: array<vec4f, ${stageLength(t.step, t.tx, Dv)}>;
var<workgroup> weights: array<vec4f, ${t.own * weightStride(t)}>;
// The sum over the tile's rows of one entry of the bias.
fn sum_of(row: u32, column: u32) -> f32 {
  let rows_end = select(row + 1u, ${t.br}u, params.bias_rows == 1u);
  var sum = 0.0;
  for (var r = row; r < rows_end; r++) {
    sum += weights[r * ${weightStride(t)}u + column / 4u][column % 4u];
  }
  return sum;
}

${mainWgsl(t)}
${DBIAS_TILE_WGSL}
${eachScore(t, (r, c) => `var acc_${r}_${c} = 0.0;`)}

${eachSharerWgsl(
  t,
  `
      workgroupBarrier();
      ${stageOwn(t, 'own_q', t.br, { ...rowsOf('q', D), scale: 'to_log2' })}
      ${stageOwn(t, 'own_dout', t.br, rowsOf('dout', Dv))}
      ${loadRowStates(scores)}
      let first = key_begin(seq, i0) / ${t.bc}u * ${t.bc}u;
      let last = key_end(seq, i1);
      let j_end = min((tile_k + 1u) * ${t.bc}u, last);
      for (var j0 = max(first, tile_k * ${t.bc}u); j0 < j_end; j0 += ${t.bc}u) {
        workgroupBarrier();
        ${stageStep(t, 'stage_k', t.bc, rowsOf('k', D))}
        ${stageStep(t, 'stage_v', t.bc, { ...rowsOf('v', Dv), ...valueScale(f) })}
        ${stageAdjustments(f, scores, cutWgsl(t, scores))}
        workgroupBarrier();
        ${probabilities(f, scores, 'own_q', 'stage_k', D)}
        ${scoreGradients(f, scores, 'own_dout', 'stage_v', Dv)}
        ${eachScore(t, (r, c) => `acc_${r}_${c} += ${ownRow(t, r, `ds_${r}_${c}`)};`)}
      }`,
)}

workgroupBarrier();
${storeWeights(t, 'weights', (r, c) => `acc_${r}_${c}`)}
workgroupBarrier();
let rows_out = min(${t.br}u, params.bias_rows - tile_q * ${t.br}u);
let columns_out = min(${t.bc}u, params.bias_columns - tile_k * ${t.bc}u);
for (var e = lid; e < ${bound(t, t.br * t.bc)}; e += ${t.tx * t.ty}u) {
  let row = e / ${t.bc}u;
  let column = e % ${t.bc}u;
  if ((row < rows_out) & (column < columns_out)) {
    let place = vec2u(tile_q * ${t.br}u + row, tile_k * ${t.bc}u + column);
    dbias[bias_at + dot(place, params.bias_strides.zw)] += sum_of(row, column);
  }
}
}`;
  return {
    label: 'flash2 dbias',
    code,
    access: ['read', 'read', 'read', 'read', 'read', 'read_write', ...featureAccess(f)],
  };
}

/** Rows that no query fills hold no gradient: their staged zeros give p = exp2(0) where nothing masks them. */
const ownRow = (t: AttentionTile, r: number, value: string): string =>
  `select(0.0, ${value}, (y0 + ${r}u < ${t.br}u) & (i0 + y0 + ${r}u < seq.Nq))`;
