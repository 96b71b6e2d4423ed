import type { Problem } from '../api/problem';
import type { Kernel } from '../device/pipeline-cache';
import type { Plan } from '../device/plan';
import { VISIBILITY_WGSL } from '../features/causal';
import { type Params, paramsStruct } from '../wgsl/params';
import { FORBIDDEN, LOG2_E } from '../wgsl/special-values';
import { loadFunction, storageArray } from '../wgsl/staging';
import { vec4s } from '../wgsl/tiles';
import { attentionParams, BASE_WGSL } from './flash2/common';

/** Threads of a row; a multiple of 4. */
const THREADS = 32;

/** p of chosen query rows, one workgroup a row of a head: for looking at, not for speed. */
function weightsKernel(p: Problem, params: Params): Kernel {
  const code = `
${paramsStruct(params)}
@group(0) @binding(0) var<uniform> params: Params;
${storageArray(1, 'read', 'q', p.D)}
${storageArray(2, 'read', 'k', p.D)}
@group(0) @binding(3) var<storage, read> rows: array<u32>;
@group(0) @binding(4) var<storage, read_write> weights: array<f32>;
var<workgroup> partial: array<f32, ${THREADS}>;
${loadFunction('q', p.D)}
${loadFunction('k', p.D)}
${VISIBILITY_WGSL}
${BASE_WGSL}

@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) id: vec3u, @builtin(local_invocation_index) lid: u32) {
  let group = params.first + id.x;
  let i = rows[group % params.rows];
  let h = group / params.rows % params.H;
  let b = group / params.rows / params.H;
  let q_at = base(b, h, params.q_strides) + i * params.q_strides.z;
  let k_base = base(b, h / (params.H / params.Hk), params.k_strides);
  let at = group * params.Nk;
  let end = key_end(i);
  var top = ${FORBIDDEN};
  for (var j = lid; j < params.Nk; j += ${THREADS}u) {
    var s = 0.0;
    for (var d = 0u; d < ${vec4s(p.D)}u; d++) {
      s += dot(load_q(q_at, d) * params.scale, load_k(k_base + j * params.k_strides.z, d));
    }
    weights[at + j] = s;
    if (j < end) { top = max(top, s); }
  }
  partial[lid] = top;
  workgroupBarrier();
  for (var t = 0u; t < ${THREADS}u; t++) { top = max(top, partial[t]); }
  workgroupBarrier();
  var sum = 0.0;
  for (var j = lid; j < params.Nk; j += ${THREADS}u) {
    let e = select(0.0, exp2((weights[at + j] - top) * ${LOG2_E}), j < end);
    weights[at + j] = e;
    sum += e;
  }
  partial[lid] = sum;
  workgroupBarrier();
  var l = 0.0;
  for (var t = 0u; t < ${THREADS}u; t++) { l += partial[t]; }
  // A query with nothing to attend to has l = 0 and only zeros to divide.
  let weight = select(1.0 / l, 0.0, l == 0.0);
  for (var j = lid; j < params.Nk; j += ${THREADS}u) { weights[at + j] *= weight; }
}`;
  return { label: 'attention weights', code, access: ['read', 'read', 'read', 'read_write'] };
}

/** Inputs q, k and rows (u32 indices of queries); output weights (B,H,rows,Nk). */
export function weightsPlan(p: Problem, rows: number): Plan {
  const params: Params = { ...attentionParams(p), rows };
  return {
    path: 'attention weights',
    tiles: null,
    outputs: { weights: 4 * p.B * p.H * rows * p.Nk },
    scratch: {},
    steps: ({ q, k, rows: indices, weights }) => [
      {
        kernel: weightsKernel(p, params),
        params,
        buffers: [q, k, indices, weights],
        workgroups: p.B * p.H * rows,
        flops: 2 * p.B * p.H * rows * p.Nk * p.D,
      },
    ],
  };
}
