import type { Problem } from '../../api/problem';
import type { Kernel } from '../../device/pipeline-cache';
import { type KeySource, keySourceWgsl, scaleBuffers } from '../../features/key-cache';
import { scoreBuffers, type ScoreFeatures } from '../../features/score';
import { BY_FOURS, type RowAccess } from '../../wgsl/eights';
import type { Params } from '../../wgsl/params';
import { featureAccess, headWgsl } from '../common';

/** Where keys and values come from, and whether a workgroup has only a part of them (kernels/decode). */
export interface ForwardVariant {
  readonly keys: KeySource;
  readonly split: boolean;
}

/**
 * What the forward kernels begin with: q, k, v, out and lse at bindings 1 to 5, features behind them, how to load and store rows.
 * @param enable what the module must begin with
 */
export function forwardWgsl(
  enable: string,
  { D, Dv, dtype }: Problem,
  f: ScoreFeatures,
  params: Params,
  { keys, split }: ForwardVariant,
  { array, load, store }: RowAccess = BY_FOURS,
): string {
  // Parts are merged later, so they stay f32.
  const out = split ? 'f32' : dtype;
  return `
${enable}
${headWgsl(f, params, 6)}
${keySourceWgsl(keys, 6 + scoreBuffers(f).length)}
${array(1, 'read', 'q', D, dtype)}
${array(2, 'read', 'k', D, keys.element)}
${array(3, 'read', 'v', Dv, keys.element)}
${array(4, 'read_write', 'out', Dv, out)}
@group(0) @binding(5) var<storage, read_write> lse: array<u32>;
${load('q', D, dtype)}
${load('k', D, keys.element)}
${load('v', Dv, keys.element)}
${store('out', Dv, out)}`;
}

export const forwardAccess = (f: ScoreFeatures, { keys }: ForwardVariant): Kernel['access'] => [
  ...(['read', 'read', 'read', 'read_write', 'read_write'] as const),
  ...featureAccess(f),
  ...scaleBuffers(keys).map(() => 'read' as const),
];

/** How far a score may rise above m, in log2, before m follows: weights are at most 2^8. */
const RISE = 8;

/**
 * WGSL: the next m of a row whose new scores are `top` at the most. m need not be the maximum, for out and lse are the same for any m. As long as it stays,
 * alpha is 1 and rounds nothing: where each key outweighs those before it, as with ALiBi, a sum that follows every maximum is rounded as
 * often as there are turns, and delta, which is made of out, is no longer what dS needs.
 */
export const nextMaximum = (m: string, top: string, type = 'f32'): string =>
  `select(${m}, ${top}, ${top} - ${m} > ${type}(${RISE}.0))`;

/** Which keys a workgroup walks over: those that its queries see, from a whole tile on, or of these the part of its split. */
export const keyRangeWgsl = (bc: number, { split }: ForwardVariant): string =>
  split ? splitRange(bc) : wholeRange(bc);

const wholeRange = (bc: number): string => `
let begin = key_begin(seq, i0) / ${bc}u * ${bc}u;
let end = key_end(seq, i1);`;

/** An even share of the sequence's tiles of keys. */
const splitRange = (bc: number): string => `
let share = (seq.Nk + ${bc}u * params.splits - 1u) / (${bc}u * params.splits) * ${bc}u;
let begin = max(key_begin(seq, i0) / ${bc}u * ${bc}u, split * share);
let end = min(key_end(seq, i1), (split + 1u) * share);`;
