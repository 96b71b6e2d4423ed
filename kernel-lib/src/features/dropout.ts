import type { Dropout } from '../api/problem';

/**
 * Dropout of p, after lse: an entry is dropped with probability `p`, what is left is divided by 1 - p. Whether an entry stays
 * depends on (seed, p, b, h, i, j) alone, so every algorithm, tile and the backward pass see the same mask without storing it.
 *
 * The bits come from pcg4d, a hash of four words (Jarzynski and Olano 2020, "Hash Functions for GPU Rendering"), of
 * (seed, b * 2^16 + h, i, j).
 * The gradient: dP of an entry is multiplied by what the entry was; delta = rowsum(dout * out) holds as it is.
 */
export function keeps({ p, seed }: Dropout, b: number, h: number, i: number, j: number): boolean {
  return hash(seed, ((b << 16) + h) | 0, i, j) >= threshold(p);
}

/** Hashes below it are dropped. */
const threshold = (p: number): number => Math.floor(p * 2 ** 32);

/** The last of pcg4d's four words. */
function hash(seed: number, head: number, i: number, j: number): number {
  const step = (word: number): number => (Math.imul(word, 1664525) + 1013904223) | 0;
  let [x, y, z, w] = [step(seed), step(head), step(i), step(j)];
  const mix = (): void => {
    x = (x + Math.imul(y, w)) | 0;
    y = (y + Math.imul(z, x)) | 0;
    z = (z + Math.imul(x, y)) | 0;
    w = (w + Math.imul(y, z)) | 0;
  };
  mix();
  x ^= x >>> 16;
  y ^= y >>> 16;
  z ^= z >>> 16;
  w ^= w >>> 16;
  mix();
  return w >>> 0;
}

/** Uniforms; a threshold of 0 drops nothing. */
export const dropoutParams = (
  dropout: Dropout | null,
): { seed: number; drop_below: number; keep_factor: { f32: number } } => ({
  seed: dropout?.seed ?? 0,
  drop_below: dropout ? threshold(dropout.p) : 0,
  keep_factor: { f32: dropout ? 1 / (1 - dropout.p) : 1 },
});

export const DROPOUT_WGSL = `
fn keeps(b: u32, h: u32, i: u32, j: u32) -> bool {
  var v = vec4u(params.seed, (b << 16u) + h, i, j) * 1664525u + 1013904223u;
  v.x += v.y * v.w; v.y += v.z * v.x; v.z += v.x * v.y; v.w += v.y * v.z;
  v ^= v >> vec4u(16u);
  v.x += v.y * v.w; v.y += v.z * v.x; v.z += v.x * v.y; v.w += v.y * v.z;
  return v.w >= params.drop_below;
}`;
