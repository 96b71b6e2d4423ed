import type { Problem } from '../../api/problem';
import type { Kernel } from '../../device/pipeline-cache';
import type { ScoreFeatures } from '../../features/score';
import type { Params } from '../../wgsl/params';
import { LOG2_E, MINUS_INFINITY_BITS } from '../../wgsl/special-values';
import { loadFunction, storageArray } from '../../wgsl/staging';
import { type TileShape, vec4s } from '../../wgsl/tiles';
import { featureAccess, headWgsl } from '../common';

/** Rows of a workgroup, one a thread. */
export const DELTA_ROWS = 64;

/**
 * What the gradient kernels know of a query, once for all of them, as (lse, delta): the log-sum-exp of its scores in log2
 * units, and delta = rowsum(dout * out), the D of FlashAttention-2's backward (Dao 2023, Algorithm 2, line 4). delta equals
 * rowsum(P * dP), so that no kernel needs a whole row of P. A query that attends to nothing gets lse 0: its scores are all
 * forbidden, so only a finite number is wanted. Bound by memory.
 *
 * It adds up in the order of the tiles' dP, so that a query that sees one key, whose dS is 0, has no rounding left in it.
 * @param unroll that of the tiles
 */
export function deltaKernel(
  { Dv, dtype }: Problem,
  f: ScoreFeatures,
  params: Params,
  unroll: TileShape['unroll'],
): Kernel {
  const add =
    unroll === 4 ? 'sum += dot(a, o);' : 'sum = fma(a.w, o.w, fma(a.z, o.z, fma(a.y, o.y, fma(a.x, o.x, sum))));';
  const code = `
${headWgsl(f, params, 5)}
${storageArray(1, 'read', 'dout', Dv, dtype)}
${storageArray(2, 'read', 'out', Dv, dtype)}
@group(0) @binding(3) var<storage, read> lse: array<u32>;
@group(0) @binding(4) var<storage, read_write> rows: array<vec2f>;
${loadFunction('dout', Dv, dtype)}
${loadFunction('out', Dv, dtype)}

@compute @workgroup_size(${DELTA_ROWS})
fn main(@builtin(workgroup_id) id: vec3u, @builtin(local_invocation_index) lid: u32) {
  let blocks = (params.Nq + ${DELTA_ROWS - 1}u) / ${DELTA_ROWS}u;
  let group = params.first + id.x;
  let i = group % blocks * ${DELTA_ROWS}u + lid;
  let h = group / blocks % params.H;
  let b = group / blocks / params.H;
  let seq = sequence(params.b0 + b);
  if (i >= seq.Nq) { return; }
  let at = base(b, h, params.out_strides, seq.q0 + i);
  var sum = 0.0;
  for (var d = 0u; d < ${vec4s(Dv)}u + params.zero; d++) {
    let a = load_dout(at, d);
    let o = load_out(at, d);
    ${add}
  }
  let bits = lse[base(b, h, params.lse_strides, seq.q0 + i)];
  let value = select(bitcast<f32>(bits) * ${LOG2_E}, 0.0, bits == ${MINUS_INFINITY_BITS});
  rows[base(b, h, params.rows_strides, seq.q0 + i)] = vec2f(value, sum);
}`;
  return { label: 'flash2 delta', code, access: ['read', 'read', 'read', 'read_write', ...featureAccess(f)] };
}
