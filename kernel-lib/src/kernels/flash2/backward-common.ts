import { LOG2_E, MINUS_INFINITY_BITS } from '../../wgsl/special-values';

/**
 * `load_lse(b, h, i)`: log-sum-exp of a query's scores in log2 units, and `load_delta`. A query that does not exist or
 * attends to nothing gets 0: its p is set to 0 by the mask, so only a finite number is wanted here.
 */
export const ROW_STATE_WGSL = `
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
