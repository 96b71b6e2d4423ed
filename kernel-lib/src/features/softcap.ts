import { LOG2_E } from '../wgsl/special-values';

/**
 * Soft capping (Gemma 2): s becomes softcap * tanh(s / softcap), which leaves small scores and bounds large ones.
 * Its derivative is 1 - tanh(s / softcap)^2.
 */
export const softcap = (s: number, cap: number): number => (cap > 0 ? cap * Math.tanh(s / cap) : s);

/** Uniforms: the cap in log2 units, 0 for none, and what a score in log2 units is multiplied by before tanh. */
export const softcapParams = (cap: number): { softcap: { f32: number }; per_softcap: { f32: number } } => ({
  softcap: { f32: cap * Number(LOG2_E) },
  per_softcap: { f32: cap > 0 ? 1 / (cap * Number(LOG2_E)) : 0 },
});

/**
 * tanh, written out: SwiftShader's own is NaN from 89 on and wrong by
 * 1.6e-4 near 0. For small x the odd series (the error of the next term is below 1e-7 at 0.35), else by exp2. Its slope 1 - tanh^2 does
 * not come from tanh: for large x, where tanh is 1 but for its last bits, most of it would be lost.
 */
export const SOFTCAP_WGSL = `
fn tanh_and_slope(x: f32) -> vec2f {
  let u = min(abs(x), 16.0);
  let u2 = u * u;
  let series = u * (1.0 - u2 * (0.33333334 - u2 * (0.13333334 - u2 * (0.053968254 - u2 * 0.021869489))));
  let r = 1.0 / (exp2(u * ${2 * Number(LOG2_E)}) + 1.0);
  return vec2f(sign(x) * select(1.0 - 2.0 * r, series, u < 0.35), 4.0 * r * (1.0 - r));
}
fn safe_tanh(x: f32) -> f32 { return tanh_and_slope(x).x; }`;
