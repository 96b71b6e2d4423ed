import type { Kernel } from '../device/pipeline-cache';
import type { Step } from '../device/dispatch';
import { paramsStruct } from '../wgsl/params';
import { PACK_WGSL } from '../wgsl/staging';

const THREADS = 64;

/** Rounds `count` floats to halves, two to a word: for results that were summed in f32 and are stored as f16. */
export function toHalf(from: GPUBuffer, into: GPUBuffer, count: number): Step {
  const params = { count };
  const code = `
${paramsStruct(params)}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> source: array<f32>;
@group(0) @binding(2) var<storage, read_write> halves: array<u32>;
${PACK_WGSL}
@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) id: vec3u, @builtin(local_invocation_index) lid: u32) {
  let word = (params.first + id.x) * ${THREADS}u + lid;
  if (2u * word >= params.count) { return; }
  var high = 0.0;
  if (2u * word + 1u < params.count) { high = source[2u * word + 1u]; }
  halves[word] = pack_halves(vec2f(source[2u * word], high));
}`;
  const kernel: Kernel = { label: 'to half', code, access: ['read', 'read_write'] };
  return {
    kernel,
    params,
    buffers: [{ buffer: from }, { buffer: into }],
    workgroups: Math.ceil(count / 2 / THREADS),
    flops: count,
  };
}
