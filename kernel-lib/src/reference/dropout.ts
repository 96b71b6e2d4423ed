/** One round of the generator below. */
function mix(v: Uint32Array): void {
  v[0] += Math.imul(v[1], v[3]);
  v[1] += Math.imul(v[2], v[0]);
  v[2] += Math.imul(v[0], v[1]);
  v[3] += Math.imul(v[1], v[2]);
}

const v = new Uint32Array(4);

/**
 * Whether dropout keeps the entry (b,h,i,j) of p: the truth's own copy of the rule. The last of the four words that pcg4d
 * (Jarzynski and Olano 2020, "Hash Functions for GPU Rendering") makes of (seed, b * 2^16 + h, i, j) is evenly spread over
 * the 32-bit numbers, and an entry whose word lies in the first p of them is dropped.
 */
export function keeps(seed: number, p: number, b: number, h: number, i: number, j: number): boolean {
  v[0] = Math.imul(seed, 1664525) + 1013904223;
  v[1] = Math.imul(b * 2 ** 16 + h, 1664525) + 1013904223;
  v[2] = Math.imul(i, 1664525) + 1013904223;
  v[3] = Math.imul(j, 1664525) + 1013904223;
  mix(v);
  for (let t = 0; t < 4; t++) v[t] ^= v[t] >>> 16;
  mix(v);
  return v[3] >= Math.floor(p * 2 ** 32);
}
