import { VISIBILITY_WGSL } from '../../features/causal';
import { type Params, paramsStruct } from '../../wgsl/params';
import { LOG2_E, MINUS_INFINITY_BITS } from '../../wgsl/special-values';
import { loadFunction, storageArray } from '../../wgsl/staging';
import type { TileShape } from '../../wgsl/tiles';
import { BASE_WGSL, enableWgsl } from './common';

/**
 * `load_lse(b, h, i)`: log-sum-exp of a query's scores in log2 units, and `load_delta`. A query that does not exist or
 * attends to nothing gets 0: its p is set to 0 by the mask, so only a finite number is wanted here.
 */
const ROW_STATE_WGSL = `
fn load_lse(b: u32, h: u32, i: u32) -> f32 {
  var bits = ${MINUS_INFINITY_BITS};
  if (i < params.Nq) { bits = lse[(b * params.H + h) * params.Nq + i]; }
  return select(bitcast<f32>(bits) * ${LOG2_E}, 0.0, bits == ${MINUS_INFINITY_BITS});
}
fn load_delta(b: u32, h: u32, i: u32) -> f32 {
  var value = 0.0;
  if (i < params.Nq) { value = delta[(b * params.H + h) * params.Nq + i]; }
  return value;
}`;

/** What both gradient kernels begin with: the inputs at bindings 1 to 6, how to load them, and what the mask lets through. */
export const backwardWgsl = (t: TileShape, D: number, Dv: number, params: Params): string => `
${enableWgsl(t)}
${paramsStruct(params)}
@group(0) @binding(0) var<uniform> params: Params;
${storageArray(1, 'read', 'q', D)}
${storageArray(2, 'read', 'k', D)}
${storageArray(3, 'read', 'v', Dv)}
${storageArray(4, 'read', 'dout', Dv)}
@group(0) @binding(5) var<storage, read> lse: array<u32>;
@group(0) @binding(6) var<storage, read> delta: array<f32>;
${loadFunction('q', D)}
${loadFunction('k', D)}
${loadFunction('v', Dv)}
${loadFunction('dout', Dv)}
${VISIBILITY_WGSL}
${BASE_WGSL}
${ROW_STATE_WGSL}`;
