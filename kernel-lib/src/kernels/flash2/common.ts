import type { Problem } from '../../api/problem';
import { strides } from '../../tensor/layout';
import type { Params } from '../../wgsl/params';
import type { TileShape } from '../../wgsl/tiles';

/** A tile of `br` queries and `bc` keys; `own` and `step` are what registers and workgroup memory hold, never less. */
export interface AttentionTile extends TileShape {
  readonly br: number;
  readonly bc: number;
}

/** The uniform block that every kernel over whole tensors shares. Strides are (batch, head, row, 0) in elements. */
export function attentionParams(p: Problem): Params {
  const of = (heads: number, N: number, width: number): [number, number, number, number] => {
    const { batch, head, row } = strides(p.layout, heads, N, width);
    return [batch, head, row, 0];
  };
  return {
    Nq: p.Nq,
    Nk: p.Nk,
    H: p.H,
    Hk: p.Hk,
    causal: Number(p.causal),
    scale: { f32: p.scale },
    q_strides: of(p.H, p.Nq, p.D),
    k_strides: of(p.Hk, p.Nk, p.D),
    v_strides: of(p.Hk, p.Nk, p.Dv),
    out_strides: of(p.H, p.Nq, p.Dv),
  };
}

/** `base(b, h, strides)`: element offset of row 0 of a head. */
export const BASE_WGSL = `
fn base(b: u32, h: u32, strides: vec4u) -> u32 { return b * strides.x + h * strides.y; }`;

/** `(column >= used) | ` where only the first `used` columns of a step take part, so that the others are masked; else nothing. */
export const beyond = (t: TileShape, column: string, used: number): string =>
  used < t.step ? `(${column} >= ${used}u) | ` : '';

/** What must stand before everything else in a kernel over tiles. */
export const enableWgsl = (t: TileShape): string => (t.subgroup ? 'enable subgroups;' : '');

/**
 * The entry point with its thread coordinates. With one row of threads, y0 is a constant, which CPU drivers turn into one
 * load for all lanes; where the workgroup is one subgroup, x is the lane, whatever order the driver gives the threads.
 */
export const mainWgsl = (t: TileShape): string => `
@compute @workgroup_size(${t.tx * t.ty})
fn main(@builtin(workgroup_id) id: vec3u, @builtin(${t.subgroup ? 'subgroup_invocation_id' : 'local_invocation_index'}) lid: u32) {
${t.ty === 1 ? 'let x = lid; let y0 = 0u;' : `let x = lid % ${t.tx}u; let y0 = lid / ${t.tx}u * ${t.own / t.ty}u;`}
let sx = x % ${t.sx}u;`;
