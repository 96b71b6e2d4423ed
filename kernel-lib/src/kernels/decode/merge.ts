import type { Kernel } from '../../device/pipeline-cache';
import { type Params, paramsStruct } from '../../wgsl/params';
import { START_MAXIMUM } from '../../wgsl/special-values';
import { type Element, loadFunction, storageArray, storeFunction } from '../../wgsl/staging';
import { vec4s } from '../../wgsl/tiles';
import { LSE_WGSL } from '../splits/merge-splits';

/** Rows of a workgroup, one a thread. */
export const MERGE_ROWS = 64;

/**
 * Folds one more part into sums in f32: out and lse of what was merged so far; merge-splits.ts tells the formula. Rows of out
 * lie `head` and `row` elements apart.
 */
export function foldKernel(Dv: number, element: Element, params: Params): Kernel {
  const code = `
${paramsStruct(params)}
@group(0) @binding(0) var<uniform> params: Params;
${storageArray(1, 'read', 'part', Dv, element)}
@group(0) @binding(2) var<storage, read> part_lse: array<u32>;
${storageArray(3, 'read_write', 'sum', Dv)}
@group(0) @binding(4) var<storage, read_write> lse: array<u32>;
${loadFunction('part', Dv, element)}
${loadFunction('sum', Dv)}
${storeFunction('sum', Dv)}
${LSE_WGSL}

@compute @workgroup_size(${MERGE_ROWS})
fn main(@builtin(workgroup_id) id: vec3u, @builtin(local_invocation_index) lid: u32) {
  let row = (params.first + id.x) * ${MERGE_ROWS}u + lid;
  if (row >= params.rows) { return; }
  let i = row % params.Nq;
  let h = row / params.Nq % params.H;
  let at = row / params.Nq / params.H * params.batch + h * params.head + i * params.row;
  // What was merged before the first part has no keys.
  let before = select(from_lse(lse[row]), ${START_MAXIMUM}, params.is_first == 1u);
  let now = from_lse(part_lse[row]);
  let m = max(before, now);
  let old = select(exp2(before - m), 0.0, before == ${START_MAXIMUM});
  let fresh = select(exp2(now - m), 0.0, now == ${START_MAXIMUM});
  let weight = select(1.0 / (old + fresh), 0.0, m == ${START_MAXIMUM});
  for (var d = 0u; d < ${vec4s(Dv)}u; d++) {
    store_sum(at, d, (old * load_sum(at, d) + fresh * load_part(at, d)) * weight);
  }
  lse[row] = to_lse(m, old + fresh);
}`;
  return { label: 'merge fold', code, access: ['read', 'read', 'read_write', 'read_write'] };
}
