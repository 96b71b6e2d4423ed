import type { Problem } from '../../api/problem';
import type { DeviceFacts } from '../../device/device';
import type { Step } from '../../device/dispatch';
import type { Kernel } from '../../device/pipeline-cache';
import type { ScoreFeatures } from '../../features/score';
import { type Params, paramsStruct } from '../../wgsl/params';
import { LN_2, LOG2_E, MINUS_INFINITY_BITS, START_MAXIMUM } from '../../wgsl/special-values';
import { loadFunction, PACK_WGSL, storageArray, storeFunction } from '../../wgsl/staging';
import { vec4s } from '../../wgsl/tiles';
import { madeOnce } from '../made-once';
import { viewOf } from '../operands';
import { MAX_SPLITS } from './choose-splits';

/** Scratch for the results of `splits` parts of the keys, which lie one behind the other as if they were further batches. */
export const splitScratch = ({ B, H, Nq, Dv }: Problem, splits: number): Record<string, number> =>
  splits > 1 ? { parts: 4 * B * H * Nq * Dv * splits, part_lse: 4 * B * H * Nq * splits } : {};

/** The uniforms and the result buffers of a kernel that has one of `splits` parts of the keys. */
export const splitParams = ({ B }: Problem, splits: number): Params => (splits > 1 ? { splits, batches: B } : {});
export const splitResults = (splits: number): readonly [string, string] =>
  splits > 1 ? ['parts', 'part_lse'] : ['out', 'lse'];

const THREADS = 64;

/** Log-sum-exps in log2 units, START_MAXIMUM for the -Infinity of a part without keys, and back. */
export const LSE_WGSL = `
fn from_lse(bits: u32) -> f32 {
  return select(bitcast<f32>(bits) * ${LOG2_E}, ${START_MAXIMUM}, bits == ${MINUS_INFINITY_BITS});
}
fn to_lse(m: f32, l: f32) -> u32 {
  return select(bitcast<u32>((m + log2(l)) * ${LN_2}), ${MINUS_INFINITY_BITS}, m == ${START_MAXIMUM});
}`;

/** A thread for each row: on a CPU, whose threads are lanes of one, a row is too short to share. */
const threadPerRow = (Dv: number): string => `
@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) id: vec3u, @builtin(local_invocation_index) lid: u32) {
  let row = (params.first + id.x) * ${THREADS}u + lid;
  if (row >= params.rows) { return; }
  let at = place(row);
  var m = ${START_MAXIMUM};
  for (var s = 0u; s < params.splits; s++) { m = max(m, lse_of(s, row)); }
  var l = 0.0;
  for (var s = 0u; s < params.splits; s++) { l += exp2(lse_of(s, row) - m); }
  let weight = weight_of(m, l);
  for (var d = 0u; d < ${vec4s(Dv)}u; d++) {
    var sum = vec4f();
    for (var s = 0u; s < params.splits; s++) { sum += exp2(lse_of(s, row) - m) * weight * part(s, at, d); }
    store_out(at, d, sum);
  }
  lse[row] = to_lse(m, l);
}`;

/** A workgroup for each row: as many threads as it has vec4s share a part, and the parts go round. */
function workgroupPerRow(Dv: number): string {
  const columns = 2 ** Math.ceil(Math.log2(vec4s(Dv)));
  return `
var<workgroup> lses: array<f32, ${MAX_SPLITS}>;
var<workgroup> sums: array<vec4f, ${THREADS}>;

@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) id: vec3u, @builtin(local_invocation_index) lid: u32) {
  let row = params.first + id.x;
  let at = place(row);
  for (var s = lid; s < params.splits; s += ${THREADS}u) { lses[s] = lse_of(s, row); }
  workgroupBarrier();
  var m = ${START_MAXIMUM};
  for (var s = 0u; s < params.splits; s++) { m = max(m, lses[s]); }
  var l = 0.0;
  for (var s = 0u; s < params.splits; s++) { l += exp2(lses[s] - m); }
  let weight = weight_of(m, l);
  let d = lid % ${columns}u;
  var sum = vec4f();
  if (d < ${vec4s(Dv)}u) {
    for (var s = lid / ${columns}u; s < params.splits; s += ${THREADS / columns}u) { sum += exp2(lses[s] - m) * weight * part(s, at, d); }
  }
  sums[lid] = sum;
  workgroupBarrier();
  if (lid >= ${vec4s(Dv)}u) { return; }
  for (var other = lid + ${columns}u; other < ${THREADS}u; other += ${columns}u) { sum += sums[other]; }
  store_out(at, d, sum);
  if (d == 0u) { lse[row] = to_lse(m, l); }
}`;
}

/**
 * The exact merge of attention over disjoint sets of keys: with m = max of the parts' lse and l = sum of exp(lse - m), out is the
 * sum of exp(lse - m) / l times each part's out, and lse = m + ln l (Dao et al. 2023, "Flash-Decoding"). A part without keys adds
 * nothing; a row without keys in any part is 0.
 */
export function mergeSplitsSteps(
  p: Problem,
  f: ScoreFeatures,
  splits: number,
  { kind }: DeviceFacts,
  buffers: Readonly<Record<string, GPUBuffer>>,
): Step[] {
  if (splits === 1) return [];
  const rows = p.B * p.H * p.Nq;
  const { batch, head, row } = viewOf(p, 'out');
  const params: Params = { rows, splits, H: p.H, Nq: p.Nq, batch, head, row };
  return [
    {
      kernel: madeOnce(p, f, params)(['merge splits', kind], () => mergeSplitsKernel(p, kind, params)),
      params,
      buffers: ['parts', 'part_lse', 'out', 'lse'].map((name) => ({ buffer: buffers[name] })),
      workgroups: kind === 'hardware' ? rows : Math.ceil(rows / THREADS),
      flops: 2 * rows * splits * p.Dv,
    },
  ];
}

function mergeSplitsKernel({ Dv, dtype }: Problem, kind: DeviceFacts['kind'], params: Params): Kernel {
  const code = `
${paramsStruct(params)}
@group(0) @binding(0) var<uniform> params: Params;
${storageArray(1, 'read', 'parts', Dv)}
@group(0) @binding(2) var<storage, read> part_lse: array<u32>;
${storageArray(3, 'read_write', 'out', Dv, dtype)}
@group(0) @binding(4) var<storage, read_write> lse: array<u32>;
${loadFunction('parts', Dv)}
${PACK_WGSL}
${storeFunction('out', Dv, dtype)}
${LSE_WGSL}
// Rows are counted as in lse, (b, h, i).
fn place(row: u32) -> u32 {
  return row / params.Nq / params.H * params.batch + row / params.Nq % params.H * params.head + row % params.Nq * params.row;
}
fn lse_of(s: u32, row: u32) -> f32 { return from_lse(part_lse[s * params.rows + row]); }
fn part(s: u32, at: u32, d: u32) -> vec4f { return load_parts(s * params.rows * ${Dv}u + at, d); }
// A part's factor is this times exp2(lse - m), made before the sum, which may be larger than a float.
fn weight_of(m: f32, l: f32) -> f32 { return select(1.0 / l, 0.0, m == ${START_MAXIMUM}); }
${kind === 'hardware' ? workgroupPerRow(Dv) : threadPerRow(Dv)}`;
  return { label: 'merge splits', code, access: ['read', 'read', 'read_write', 'read_write'] };
}
