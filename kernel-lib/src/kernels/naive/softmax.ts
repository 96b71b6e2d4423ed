import type { Kernel } from '../../device/pipeline-cache';
import { dropout4Wgsl, everyTile, features4Wgsl, type ScoreFeatures } from '../../features/score';
import type { Params } from '../../wgsl/params';
import { FORBIDDEN, LN_2, MINUS_INFINITY_BITS } from '../../wgsl/special-values';
import { featureAccess, headWgsl } from '../common';

/** Threads that share a row. */
export const rowThreads = (kind: 'hardware' | 'software'): number => (kind === 'software' ? 16 : 128);

const reduceWgsl = (threads: number): string => `
var<workgroup> partial: array<f32, ${threads}>;
fn row_max(lid: u32, value: f32) -> f32 {
  workgroupBarrier();
  partial[lid] = value;
  workgroupBarrier();
  var all = partial[0];
  for (var t = 1u; t < ${threads}u; t++) { all = max(all, partial[t]); }
  return all;
}
fn row_sum(lid: u32, value: f32) -> f32 {
  workgroupBarrier();
  partial[lid] = value;
  workgroupBarrier();
  var all = 0.0;
  for (var t = 0u; t < ${threads}u; t++) { all += partial[t]; }
  return all;
}`;

/** The entry point: which row of the matrix a workgroup has, query i of head h of batch b of the slice. */
const rowMain = (threads: number, f: ScoreFeatures): string => `
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) id: vec3u, @builtin(local_invocation_index) lid: u32) {
let row = params.first + id.x;
let at = row * params.Nk4;
let i = row % params.Nq;
let h = row / params.Nq % params.H;
let b = row / params.Nq / params.H;
let feature_b = params.b0 + b;
let feature_h = params.h0 + h;
let seq = sequence(feature_b);
${f.packed ? 'if (i >= seq.Nq) { return; }' : ''}`;

/**
 * S, in log2 units, becomes P = softmax(features(S)) in place, and lse is written: the second pass of standard attention
 * (Dao 2022, Algorithm 0, line 2). One workgroup a row; the row is read three times and written twice, all in device memory,
 * and once more where features change the scores themselves.
 */
export function softmaxKernel(threads: number, f: ScoreFeatures, params: Params): Kernel {
  const changes = [everyTile(f), ...(f.softcap ? ['(params.softcap > 0.0)'] : [])].join(' | ');
  const code = `
${headWgsl(f, params, 3)}
@group(0) @binding(1) var<storage, read_write> matrix: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> lse: array<u32>;
${reduceWgsl(threads)}
fn seen4(begin: u32, end: u32, j: u32, s: vec4f) -> vec4f {
  let at = vec4u(j) + vec4u(0u, 1u, 2u, 3u);
  return select(vec4f(${FORBIDDEN}), s, (at >= vec4u(begin)) & (at < vec4u(end)));
}
${features4Wgsl(f)}

${rowMain(threads, f)}
let begin = key_begin(seq, i);
let end = key_end(seq, i);
let changes = ${changes};
var top = vec4f(${FORBIDDEN});
for (var c = lid; c < params.Nk4; c += ${threads}u) {
  var s = seen4(begin, end, 4u * c, matrix[at + c]);
  if (changes) {
    s = features4(seq, feature_b, feature_h, i, 4u * c, s);
    matrix[at + c] = s;
  }
  top = max(top, s);
}
let m = row_max(lid, max(max(top.x, top.y), max(top.z, top.w)));
let empty = m == ${FORBIDDEN};
var sum = vec4f();
for (var c = lid; c < params.Nk4; c += ${threads}u) {
  let p = exp2(seen4(begin, end, 4u * c, matrix[at + c]) - m);
  matrix[at + c] = p;
  sum += p;
}
let l = row_sum(lid, dot(sum, vec4f(1.0)));
let weight = select(1.0 / l, 0.0, empty);
for (var c = lid; c < params.Nk4; c += ${threads}u) { matrix[at + c] *= weight; }
if (lid == 0u) {
  lse[base(b, h, params.lse_strides, seq.q0 + i)] = select(bitcast<u32>((m + log2(l)) * ${LN_2}), ${MINUS_INFINITY_BITS}, empty);
}
}`;
  return { label: 'naive softmax', code, access: ['read_write', 'read_write', ...featureAccess(f)] };
}

/**
 * dP becomes dS = P * (dropout(dP) - rowsum(P * dropout(dP))) in place: the derivative of softmax, a row at a time.
 */
export function softmaxBackwardKernel(threads: number, f: ScoreFeatures, params: Params): Kernel {
  const code = `
${headWgsl(f, params, 3)}
@group(0) @binding(1) var<storage, read> weights: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> matrix: array<vec4f>;
${reduceWgsl(threads)}
${dropout4Wgsl(f)}

${rowMain(threads, f)}
var sum = vec4f();
for (var c = lid; c < params.Nk4; c += ${threads}u) {
  let dp = dropout4(feature_b, feature_h, i, 4u * c, matrix[at + c]);
  matrix[at + c] = dp;
  sum += weights[at + c] * dp;
}
let delta = row_sum(lid, dot(sum, vec4f(1.0)));
for (var c = lid; c < params.Nk4; c += ${threads}u) { matrix[at + c] = weights[at + c] * (matrix[at + c] - delta); }
}`;
  return { label: 'naive softmax backward', code, access: ['read', 'read_write', ...featureAccess(f)] };
}

/** dS *= 1 - tanh(S / softcap)^2, S being the raw scores in log2 units. */
export function softcapBackwardKernel(threads: number, f: ScoreFeatures, params: Params): Kernel {
  const code = `
${headWgsl(f, params, 3)}
@group(0) @binding(1) var<storage, read> scores: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> matrix: array<vec4f>;

${rowMain(threads, f)}
for (var c = lid; c < params.Nk4; c += ${threads}u) {
  let s = scores[at + c] * params.per_softcap;
  matrix[at + c] *= vec4f(tanh_and_slope(s.x).y, tanh_and_slope(s.y).y, tanh_and_slope(s.z).y, tanh_and_slope(s.w).y);
}
}`;
  return { label: 'naive softcap backward', code, access: ['read', 'read_write', ...featureAccess(f)] };
}
