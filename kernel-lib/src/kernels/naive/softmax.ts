import type { Kernel } from '../../device/pipeline-cache';
import { VISIBILITY_WGSL } from '../../features/causal';
import { type Params, paramsStruct } from '../../wgsl/params';
import { FORBIDDEN, LOG2_E, MINUS_INFINITY_BITS } from '../../wgsl/special-values';

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

/**
 * S becomes P = softmax(S) in place, and lse is written: the second pass of standard attention (Dao 2022, Algorithm 0,
 * line 2). One workgroup a row; the row is read three times and written twice, all in device memory.
 */
export function softmaxKernel(threads: number, params: Params): Kernel {
  const code = `
${paramsStruct(params)}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> matrix: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> lse: array<u32>;
${reduceWgsl(threads)}
${VISIBILITY_WGSL}
fn seen4(end: u32, j: u32) -> vec4<bool> { return vec4u(j) + vec4u(0u, 1u, 2u, 3u) < vec4u(end); }

@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) id: vec3u, @builtin(local_invocation_index) lid: u32) {
let row = params.first + id.x;
let at = row * params.Nk4;
let end = key_end(row % params.Nq);
let empty = end == 0u;
var top = vec4f(${FORBIDDEN});
for (var c = lid; c < params.Nk4; c += ${threads}u) { top = max(top, select(vec4f(${FORBIDDEN}), matrix[at + c], seen4(end, 4u * c))); }
let m = row_max(lid, max(max(top.x, top.y), max(top.z, top.w)));
var sum = vec4f();
for (var c = lid; c < params.Nk4; c += ${threads}u) {
  let p = select(vec4f(), exp2((matrix[at + c] - m) * ${LOG2_E}), seen4(end, 4u * c));
  matrix[at + c] = p;
  sum += p;
}
let l = row_sum(lid, dot(sum, vec4f(1.0)));
let weight = select(1.0 / l, 0.0, empty);
for (var c = lid; c < params.Nk4; c += ${threads}u) { matrix[at + c] *= weight; }
if (lid == 0u) { lse[params.head0 * params.Nq + row] = select(bitcast<u32>(m + log(l)), ${MINUS_INFINITY_BITS}, empty); }
}`;
  return { label: 'naive softmax', code, access: ['read_write', 'read_write'] };
}

/** dP becomes dS = P * (dP - rowsum(P * dP)) in place: the derivative of softmax, a row at a time. */
export function softmaxBackwardKernel(threads: number, params: Params): Kernel {
  const code = `
${paramsStruct(params)}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> weights: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> matrix: array<vec4f>;
${reduceWgsl(threads)}

@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) id: vec3u, @builtin(local_invocation_index) lid: u32) {
let at = (params.first + id.x) * params.Nk4;
var sum = vec4f();
for (var c = lid; c < params.Nk4; c += ${threads}u) { sum += weights[at + c] * matrix[at + c]; }
let delta = row_sum(lid, dot(sum, vec4f(1.0)));
for (var c = lid; c < params.Nk4; c += ${threads}u) { matrix[at + c] = weights[at + c] * (matrix[at + c] - delta); }
}`;
  return { label: 'naive softmax backward', code, access: ['read', 'read_write'] };
}
