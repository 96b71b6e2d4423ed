/**
 * ALiBi (Press et al. 2022): -slope * |i + Nk - Nq - j| is added to the score, with a slope for each head, or each batch and
 * head. It does not change the gradient of q and k.
 */
export const alibi = (slope: number, i: number, j: number, Nq: number, Nk: number): number =>
  -slope * Math.abs(i + Nk - Nq - j);

/** `alibi(seq, b, h, i, j)`; the slopes (B,H) lie in `words` from `params.slopes` on. */
export const ALIBI_WGSL = `
fn alibi(seq: Sequence, b: u32, h: u32, i: u32, j: u32) -> f32 {
  let slope = bitcast<f32>(word(params.slopes + b * params.all_heads + h));
  return -slope * f32(abs(diagonal(seq, i) - i32(j)));
}`;
