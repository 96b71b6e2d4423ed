import type { Entry } from './case-entry';

// Every pair of head sizes with features is a set of kernels of its own: there are two, one of them odd.

const odd: Entry = { D: 7, Dv: 12 };
const grouped: Entry = { B: 2, H: 4, Hk: 2, Nq: 21, Nk: 37 };

const windows: Entry[] = [
  { ...grouped, window: [5, 3] },
  { window: [0, 0], Nq: 20, Nk: 33 },
  { window: [-1, 2], Nq: 70, Nk: 41 },
  { window: [9, -1], causal: true, Nq: 130 },
];

const scores: Entry[] = [
  { ...grouped, softcap: 0.9 },
  // |s| near 1e3: the cap is reached, and its derivative 0.
  { softcap: 30, times: 20 },
  { H: 4, alibi: 'head', Nq: 40, Nk: 23 },
  { ...grouped, alibi: 'batch', causal: true },
];

const biases: Entry[] = [
  { ...grouped, bias: { axes: 'bhqk' } },
  { ...grouped, bias: { axes: '1h1k' }, causal: true },
  { ...grouped, bias: { axes: 'b1q1' } },
  { ...grouped, ...odd, bias: { axes: 'qk', dtype: 'f32' } },
  { bias: { axes: '1' } },
  { ...grouped, bias: { axes: '1hqk', forbids: true } },
  // Long enough that several workgroups of dbias share its keys.
  { ...grouped, bias: { axes: '1hqk' }, softcap: 2, Nq: 40, Nk: 290, causal: true },
  { ...grouped, ...odd, bias: { axes: '111k' }, dropout: 0.2, Nq: 70, Nk: 150 },
];

const masks: Entry[] = [
  { ...grouped, mask: { axes: 'bhqk' } },
  { ...grouped, mask: { axes: 'b11k' } },
  { ...grouped, ...odd, mask: { axes: '11qk', forbids: true } },
  { mask: { axes: 'h1k', dtype: 'f32' }, causal: true },
  { mask: { axes: 'b1q1', dtype: 'f16' } },
  { mask: { axes: '1hqk', dtype: 'i8' } },
];

const dropouts: Entry[] = [
  { ...grouped, dropout: 0.1 },
  { ...grouped, ...odd, dropout: 0.7, causal: true, seed: 3 },
];

const packed: Entry[] = [
  { H: 4, Hk: 2, lengths: { q: [17, 1, 40], k: [33, 5, 16] } },
  { ...odd, lengths: { q: [0, 20, 3, 0, 9], k: [4, 0, 35, 0, 9] }, causal: true },
];

const inOneTensor: Entry[] = [
  { H: 3, packing: 'qkv', causal: true },
  { ...grouped, packing: 'kv', mask: { axes: 'b11k' } },
];

const everything: Entry = {
  ...{ window: [20, 4], softcap: 2, alibi: 'batch', dropout: 0.2 },
  ...{ bias: { axes: '1hqk', forbids: true }, mask: { axes: 'b11k' } },
};

/** Each feature alone, then together. */
export const featureEntries: readonly Entry[] = [
  ...[...windows, ...scores, ...biases, ...masks, ...dropouts, ...packed, ...inOneTensor],
  { ...grouped, ...everything },
  { ...grouped, ...odd, ...everything, Nq: 45, Nk: 18, layout: 'bnhd' },
  { ...everything, H: 4, Hk: 1, lengths: { q: [33, 0, 18], k: [20, 7, 40] } },
];

/** The same in float16; half as many. */
export const halfEntries: readonly Entry[] = [
  { Nq: 33, causal: true, dtype: 'f16' },
  { ...grouped, ...odd, dtype: 'f16' },
  { ...grouped, ...odd, layout: 'bnhd', causal: true, dtype: 'f16' },
  { times: 20, causal: true, dtype: 'f16' },
  { values: 'shifted', dtype: 'f16' },
  { values: 'subnormal', dtype: 'f16' },
  ...featureEntries.filter((_, t) => t % 2 === 0).map((entry): Entry => ({ ...entry, dtype: 'f16' })),
  { ...grouped, ...odd, ...everything, layout: 'bnhd', dtype: 'f16' },
];

const single: readonly Entry[] = [
  { causal: true },
  { window: [6, 2] },
  { softcap: 1.5 },
  { alibi: 'head' },
  { bias: { axes: 'b1qk', forbids: true } },
  { mask: { axes: '1hqk', forbids: true } },
  { dropout: 0.3 },
];

/** Features by two, dense and packed, in both dtypes, and all of them over more sizes. */
export const crossedEntries: readonly Entry[] = [
  ...single.flatMap((first, t) =>
    single.slice(t + 1).flatMap((second, u): Entry[] => {
      const both: Entry = { ...first, ...second, seed: 10 * t + u };
      return [
        { ...both, ...grouped, Nq: 50, Nk: 35 },
        { ...both, ...odd, H: 4, Hk: 2, lengths: { q: [21, 40, 0], k: [37, 30, 8] } },
        { ...both, ...grouped, ...odd, layout: 'bnhd', dtype: 'f16' },
      ];
    }),
  ),
  ...(['f32', 'f16'] as const).flatMap((dtype): Entry[] => [
    ...[1, 64, 96, 128, 256].map((D): Entry => ({ ...everything, Nq: 40, Nk: 70, D, Dv: D, dtype, causal: D > 64 })),
    ...[1, 31, 32, 65, 129].map((Nq): Entry => ({ ...grouped, ...everything, Nq, Nk: 70, dtype })),
    ...[1, 31, 32, 65, 129].map((Nk): Entry => ({ ...grouped, ...everything, Nq: 40, Nk, dtype })),
    // Compared on a sample of rows.
    { ...everything, bias: { axes: '1h1k' }, mask: { axes: 'b11k' }, window: [500, 20], H: 2, Nq: 1500, D: 64, dtype },
    { lengths: { q: [700, 0, 900], k: [800, 30, 600] }, alibi: 'head', dropout: 0.1, H: 2, D: 64, causal: true, dtype },
  ]),
  ...[1, 3, 31, 33, 64, 80, 100, 128, 129, 192, 256].map((D): Entry => ({
    Nq: 40,
    Nk: 70,
    D,
    Dv: D,
    causal: true,
    dtype: 'f16',
  })),
];
