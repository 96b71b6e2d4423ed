import type { Problem } from '../../api/problem';
import type { Kernel } from '../../device/pipeline-cache';
import type { ScoreFeatures } from '../../features/score';
import type { Params } from '../../wgsl/params';
import { LN_2, MINUS_INFINITY_BITS, START_MAXIMUM } from '../../wgsl/special-values';
import { type Element, loadFunction, storageArray, storeFunction } from '../../wgsl/staging';
import { vec4s } from '../../wgsl/tiles';
import { featureAccess, headWgsl } from '../common';

/** Rows of a workgroup, one a thread. */
export const ROWS = 64;

const mainWgsl = `
@compute @workgroup_size(${ROWS})
fn main(@builtin(workgroup_id) id: vec3u, @builtin(local_invocation_index) lid: u32) {
  let blocks = (params.Nq + ${ROWS - 1}u) / ${ROWS}u;
  let group = params.first + id.x;
  let i = group % blocks * ${ROWS}u + lid;
  let h = group / blocks % params.H;
  let b = group / blocks / params.H;
  let seq = sequence(params.b0 + b);
  if (i >= seq.Nq) { return; }
  let row = seq.q0 + i;`;

/** O = 0, l = 0, m = -inf in device memory (Dao 2022, Algorithm 1, line 2). */
export function initialiseKernel({ Dv }: Problem, f: ScoreFeatures, params: Params): Kernel {
  const code = `
${headWgsl(f, params, 3)}
${storageArray(1, 'read_write', 'o', Dv)}
@group(0) @binding(2) var<storage, read_write> state: array<vec2f>;
${storeFunction('o', Dv)}
${mainWgsl}
  state[base(b, h, params.rows_strides, row)] = vec2f(${START_MAXIMUM}, 0.0);
  for (var d = 0u; d < ${vec4s(Dv)}u; d++) { store_o(base(b, h, params.sum_strides, row), d, vec4f()); }
}`;
  return { label: 'flash1 initialise', code, access: ['read_write', 'read_write', ...featureAccess(f)] };
}

/** lse = ln 2 (m + log2 l), -Infinity for a query that saw nothing. */
export function lseKernel(f: ScoreFeatures, params: Params): Kernel {
  const code = `
${headWgsl(f, params, 3)}
@group(0) @binding(1) var<storage, read> state: array<vec2f>;
@group(0) @binding(2) var<storage, read_write> lse: array<u32>;
${mainWgsl}
  let of_row = state[base(b, h, params.rows_strides, row)];
  let value = (of_row.x + log2(of_row.y)) * ${LN_2};
  lse[base(b, h, params.lse_strides, row)] = select(bitcast<u32>(value), ${MINUS_INFINITY_BITS}, of_row.x == ${START_MAXIMUM});
}`;
  return { label: 'flash1 lse', code, access: ['read', 'read_write', ...featureAccess(f)] };
}

/** Rows of `size` numbers as they were summed in f32, stored where and as the result is. */
export function storeSumsKernel(size: number, element: Element, f: ScoreFeatures, params: Params): Kernel {
  const code = `
${headWgsl(f, params, 3)}
${storageArray(1, 'read', 'sums', size)}
${storageArray(2, 'read_write', 'result', size, element)}
${loadFunction('sums', size)}
${storeFunction('result', size, element)}
${mainWgsl}
  let source = base(b, h, params.sum_strides, row);
  let into = base(b, h, params.result_strides, row);
  for (var d = 0u; d < ${vec4s(size)}u; d++) { store_result(into, d, load_sums(source, d)); }
}`;
  return { label: 'flash1 store sums', code, access: ['read', 'read_write', ...featureAccess(f)] };
}
