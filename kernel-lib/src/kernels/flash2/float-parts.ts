import type { Kernel } from '../../device/pipeline-cache';
import type { MatrixTile } from '../../wgsl/matrix-tile';
import { when } from '../../wgsl/params';

/**
 * f32 on units that take halves: a float is the sum of two halves, what a half keeps of it and what that has rounded away, and of a
 * product of two floats three products of halves are summed (the fourth is below what f32 keeps). Halves end at 65504 and lose digits
 * below 2^-14, so each tensor is first multiplied by a power of two that brings its largest number to [2^14, 2^15), and results are
 * divided by it. Only where asked for (FLASH_MATRICES=on), and only the forward: S is then not rounded as the backward rounds it, and where scores are
 * huge and all equal, gradients that should cancel were off by more than f32 allows, in 1 of 700 random calls; gradients by halves failed 3 of 1,000.
 * Ootomo and Yokota 2022, "Recovering single precision accuracy from Tensor Cores".
 */
export const SCALED = ['q', 'k', 'v'] as const;
export type Scaled = (typeof SCALED)[number];

/** WGSL: the power of two of a tensor. */
export const scaleOf = ({ parts }: MatrixTile, name: Scaled): string | undefined =>
  parts === 2 ? `scale_of(${SCALED.indexOf(name)}u)` : undefined;

/** WGSL behind a value: divided by the powers of two of these tensors, one after the other, for their product may be too large. */
export const perScale = (t: MatrixTile, ...names: Scaled[]): string =>
  t.parts === 2 ? names.map((name) => ` / ${scaleOf(t, name)}`).join('') : '';

/** `scale_of(n)`, of the largest numbers that float-maxima.ts has found. */
export const scalesWgsl = ({ parts }: MatrixTile, binding: number): string =>
  when(
    parts === 2,
    `
@group(0) @binding(${binding}) var<uniform> maxima: vec4u;
fn scale_of(n: u32) -> f32 { return bitcast<f32>(min(268u - (maxima[n] >> 23u), 254u) << 23u); }`,
  );

export const scaleAccess = ({ parts }: MatrixTile): Kernel['access'] => (parts === 2 ? ['uniform'] : []);
