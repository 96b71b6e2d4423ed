import type { Kernel } from '../../device/pipeline-cache';
import type { MatrixTile } from '../../wgsl/matrices';
import { when } from '../../wgsl/params';

/** Of a tile, how many halves a number is made of. */
export type Parts = Pick<MatrixTile, 'parts'>;

/**
 * f32 on units that take halves: a float is the sum of two halves, what a half keeps of it and what that has rounded away, and of a
 * product of two floats three products of halves are summed (the fourth is below what f32 keeps). Halves end at 65504 and lose digits
 * below 2^-14, so each tensor is first multiplied by a power of two that brings its largest number to [2^14, 2^15), and results are
 * divided by it. Ootomo and Yokota 2022, "Recovering single precision accuracy from Tensor Cores".
 */
export const SCALED = ['q', 'k', 'v', 'dout'] as const;
export type Scaled = (typeof SCALED)[number];

/** WGSL: the power of two of a tensor. */
export const scaleOf = ({ parts }: Parts, name: Scaled): string | undefined =>
  parts === 2 ? `scale_of(${SCALED.indexOf(name)}u)` : undefined;

/** WGSL behind a value: divided by the powers of two of these tensors, one after the other, for their product may be too large. */
export const perScale = (t: Parts, ...names: Scaled[]): string =>
  t.parts === 2 ? names.map((name) => ` / ${scaleOf(t, name)}`).join('') : '';

/** `scale_of(n)`, of the largest numbers that float-maxima.ts has found. */
export const scalesWgsl = ({ parts }: Parts, binding: number): string =>
  when(
    parts === 2,
    `
@group(0) @binding(${binding}) var<uniform> maxima: vec4u;
fn scale_of(n: u32) -> f32 { return bitcast<f32>(min(268u - (maxima[n] >> 23u), 254u) << 23u); }`,
  );

export const scaleAccess = ({ parts }: Parts): Kernel['access'] => (parts === 2 ? ['uniform'] : []);

/** `as_parts(x)`: numbers of dout as the products with them see them. */
export const partsWgsl = (t: Parts): string =>
  when(
    t.parts === 2,
    `
fn as_parts(x: vec4f) -> vec4f {
  let scale = ${scaleOf(t, 'dout')};
  let large = to_half(x * scale);
  return (large + to_half(x * scale - large)) / scale;
}`,
  );
