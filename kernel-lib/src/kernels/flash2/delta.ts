import type { Problem } from '../../api/problem';
import type { Kernel } from '../../device/pipeline-cache';
import type { ScoreFeatures } from '../../features/score';
import type { Params } from '../../wgsl/params';
import { LOG2_E, MINUS_INFINITY_BITS } from '../../wgsl/special-values';
import { loadFunction, storageArray } from '../../wgsl/staging';
import { CHAIN, vec4s } from '../../wgsl/tiles';
import { featureAccess, headWgsl } from '../common';

/** Rows of a workgroup, one a thread. */
export const DELTA_ROWS = 64;

/** How the products of a row are added up: by chains (wgsl/tiles.ts), as wgsl/quads.ts does, or vec4 by vec4. */
export type SumOrder = 'chains' | 'quads' | 'vec4s';

const sumByVec4s = (Dv: number): string => `for (var d = 0u; d < ${vec4s(Dv)}u + params.zero; d++) {
    sum += dot(load_dout(at, d), load_out(at, d));
  }`;

const sumByChains = (Dv: number): string => `var chain = 0.0;
  for (var d = 0u; d < ${vec4s(Dv)}u + params.zero; d++) {
    if (d % ${CHAIN / 4}u == 0u) { sum += chain; chain = 0.0; }
    let a = load_dout(at, d);
    let o = load_out(at, d);
    chain = fma(a.w, o.w, fma(a.z, o.z, fma(a.y, o.y, fma(a.x, o.x, chain))));
  }
  sum += chain;`;

/** Four vec4s at a time, those of a quad. */
const sumByQuads = (Dv: number): string => `for (var d0 = 0u; d0 < ${vec4s(Dv)}u + params.zero; d0 += 4u) {
    var terms: array<vec4f, 4>;
    for (var s = 0u; s < 4u; s++) {
      let d = d0 + s;
      terms[s] = vec4f();
      if (d < ${vec4s(Dv)}u) { terms[s] = load_dout(at, d) * load_out(at, d); }
    }
    let fours = (terms[0] + terms[1]) + (terms[2] + terms[3]);
    sum = (((sum + fours.x) + fours.y) + fours.z) + fours.w;
  }`;

const SUMS: Record<SumOrder, (Dv: number) => string> = { chains: sumByChains, quads: sumByQuads, vec4s: sumByVec4s };

/**
 * What the gradient kernels know of a query, once for all of them, as (lse, delta): the log-sum-exp of its scores in log2
 * units, and delta = rowsum(dout * out), the D of FlashAttention-2's backward (Dao 2023, Algorithm 2, line 4). delta equals
 * rowsum(P * dP), so that no kernel needs a whole row of P. A query that attends to nothing gets lse 0: its scores are all
 * forbidden, so only a finite number is wanted. Bound by memory.
 *
 * It adds up in the order of the tiles' dP, so that a query that sees one key, whose dS is 0, has no rounding left in it.
 * @param order how those add
 */
export function deltaKernel({ Dv, dtype }: Problem, f: ScoreFeatures, params: Params, order: SumOrder): Kernel {
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
  ${SUMS[order](Dv)}
  let bits = lse[base(b, h, params.lse_strides, seq.q0 + i)];
  let value = select(bitcast<f32>(bits) * ${LOG2_E}, 0.0, bits == ${MINUS_INFINITY_BITS});
  rows[base(b, h, params.rows_strides, seq.q0 + i)] = vec2f(value, sum);
}`;
  return { label: 'flash2 delta', code, access: ['read', 'read', 'read', 'read_write', ...featureAccess(f)] };
}
