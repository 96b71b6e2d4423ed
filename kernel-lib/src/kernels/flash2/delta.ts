import type { Problem } from '../../api/problem';
import type { Kernel } from '../../device/pipeline-cache';
import { type Params, paramsStruct } from '../../wgsl/params';
import { loadFunction, storageArray } from '../../wgsl/staging';
import { vec4s } from '../../wgsl/tiles';
import { BASE_WGSL } from './common';

/** Rows of a workgroup, one a thread. */
export const DELTA_ROWS = 64;

/**
 * delta = rowsum(dout * out), (B,H,Nq): the D of FlashAttention-2's backward (Dao 2023, Algorithm 2, line 4), once for both
 * gradient kernels. It equals rowsum(P * dP), so that neither kernel needs a whole row of P. Bound by memory.
 */
export function deltaKernel({ Dv }: Problem, params: Params): Kernel {
  const code = `
${paramsStruct(params)}
@group(0) @binding(0) var<uniform> params: Params;
${storageArray(1, 'read', 'dout', Dv)}
${storageArray(2, 'read', 'out', Dv)}
@group(0) @binding(3) var<storage, read_write> delta: array<f32>;
${loadFunction('dout', Dv)}
${loadFunction('out', Dv)}
${BASE_WGSL}

@compute @workgroup_size(${DELTA_ROWS})
fn main(@builtin(workgroup_id) id: vec3u, @builtin(local_invocation_index) lid: u32) {
  let blocks = (params.Nq + ${DELTA_ROWS - 1}u) / ${DELTA_ROWS}u;
  let group = params.first + id.x;
  let i = group % blocks * ${DELTA_ROWS}u + lid;
  let h = group / blocks % params.H;
  let b = group / blocks / params.H;
  if (i >= params.Nq) { return; }
  let at = base(b, h, params.out_strides) + i * params.out_strides.z;
  var sum = 0.0;
  for (var d = 0u; d < ${vec4s(Dv)}u; d++) { sum += dot(load_dout(at, d), load_out(at, d)); }
  delta[(b * params.H + h) * params.Nq + i] = sum;
}`;
  return { label: 'flash2 delta', code, access: ['read', 'read', 'read_write'] };
}
