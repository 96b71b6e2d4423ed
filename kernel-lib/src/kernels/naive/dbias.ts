import type { Kernel } from '../../device/pipeline-cache';
import type { ScoreFeatures } from '../../features/score';
import type { Params } from '../../wgsl/params';
import { featureAccess, headWgsl } from '../common';

/** Entries of a workgroup, one a thread. */
export const DBIAS_ENTRIES = 64;

/**
 * dbias += dS, summed over the axes along which the bias was broadcast: a thread for each entry of the bias, which walks over
 * every score that it was added to. Bound by memory.
 */
export function dbiasKernel(f: ScoreFeatures, params: Params): Kernel {
  const code = `
${headWgsl(f, params, 3)}
@group(0) @binding(1) var<storage, read> matrix: array<f32>;
@group(0) @binding(2) var<storage, read_write> dbias: array<f32>;

@compute @workgroup_size(${DBIAS_ENTRIES})
fn main(@builtin(workgroup_id) id: vec3u, @builtin(local_invocation_index) lid: u32) {
  let entry = (params.first + id.x) * ${DBIAS_ENTRIES}u + lid;
  if (entry >= params.entries) { return; }
  let bias_j = entry % params.bias_columns;
  let bias_i = entry / params.bias_columns % params.bias_rows;
  let bias_h = entry / params.bias_columns / params.bias_rows % params.bias_heads;
  let bias_b = entry / params.bias_columns / params.bias_rows / params.bias_heads;
  var sum = 0.0;
  for (var b = bias_b; b < params.batches; b += params.bias_batches) {
    let seq = sequence(params.b0 + b);
    for (var h = bias_h; h < params.H; h += params.bias_heads) {
      for (var i = bias_i; i < seq.Nq; i += params.bias_rows) {
        let at = ((b * params.H + h) * params.Nq + i) * params.Nk4 * 4u;
        for (var j = bias_j; j < seq.Nk; j += params.bias_columns) { sum += matrix[at + j]; }
      }
    }
  }
  let place = vec4u(params.b0 + bias_b, params.h0 + bias_h, bias_i, bias_j);
  dbias[dot(place, params.bias_strides) + params.dbias_base] += sum;
}`;
  return { label: 'naive dbias', code, access: ['read', 'read_write', ...featureAccess(f)] };
}
