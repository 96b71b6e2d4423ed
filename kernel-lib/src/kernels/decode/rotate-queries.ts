import type { Kernel } from '../../device/pipeline-cache';
import { type Params, paramsStruct } from '../../wgsl/params';
import { type Element, PACK_WGSL, storageArray, storeFunction } from '../../wgsl/staging';
import { vec4s } from '../../wgsl/tiles';
import { readFunction, type Rotary, rotaryBindings, rotatedWgsl, scalarArray } from './rotary';

/** vec4s of a workgroup, one a thread. */
export const ROTATE_THREADS = 64;

/** q (B,N,H,D) turned by position: that of batch b's first new row + i, or that for every query where `advance` is 0. */
export function rotateQueriesKernel(D: number, element: Element, rotary: Rotary, params: Params): Kernel {
  const width = vec4s(D);
  const code = `
${paramsStruct(params)}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> q: ${scalarArray(element)};
@group(0) @binding(2) var<storage, read> words: array<u32>;
${storageArray(3, 'read_write', 'rotated_q', D, element)}
${rotaryBindings(rotary, 4)}
${readFunction('q', element)}
${rotatedWgsl('q', rotary)}
${PACK_WGSL}
${storeFunction('rotated_q', D, element)}

@compute @workgroup_size(${ROTATE_THREADS})
fn main(@builtin(workgroup_id) id: vec3u, @builtin(local_invocation_index) lid: u32) {
  let n = (params.first + id.x) * ${ROTATE_THREADS}u + lid;
  let row = n / ${width}u;
  let d = n % ${width}u;
  if (row >= params.rows) { return; }
  let i = row / params.H % params.N;
  let t = words[params.positions + row / params.H / params.N] + i * params.advance;
  var value = vec4f();
  for (var e = 0u; e < 4u; e++) { if (4u * d + e < ${D}u) { value[e] = rotated(row * ${D}u, 4u * d + e, t); } }
  store_rotated_q(row * ${D}u, d, value);
}`;
  return { label: 'rotate queries', code, access: ['read', 'read', 'read_write', 'read', 'read'] };
}
