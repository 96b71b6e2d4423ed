import type { CheckCase } from './case';
import { completeCase, type Entry } from './case-entry';
import { caseName } from './case-name';
import { crossedEntries, featureEntries, halfEntries } from './feature-cases';

// Sizes that break kernels: 1, a tile less 1, a tile, a tile and 1 (tiles have 16, 32 or 64 rows), lengths that differ both
// ways, head sizes that no vector of 4 divides, heads that share keys, rows with nothing to attend to.

/** Head sizes up to 256 that any kernel must take: powers of two, their neighbours, common ones of models, odd ones. */
export const headSizes = [1, 3, 5, 16, 31, 32, 33, 63, 64, 65, 80, 96, 100, 128, 129, 160, 192, 200, 255, 256] as const;

// Every pair of head sizes is a set of kernels of its own, which a software adapter compiles for seconds: the default set has few.
const fewHeadSizes = [1, 3, 33, 64, 100, 129, 256] as const;

const square = (lengths: readonly number[], entry: Entry = {}): Entry[] => lengths.map((Nq) => ({ ...entry, Nq }));

const unequal = (pairs: readonly (readonly [number, number])[], entry: Entry = {}): Entry[] =>
  pairs.flatMap(([Nq, Nk]) => [
    { ...entry, Nq, Nk },
    { ...entry, Nq, Nk, causal: true },
  ]);

const scaleEntries: Entry[] = [
  { scale: 0 },
  { scale: -0.7, causal: true },
  // |s| near 1e3 and near 1e4: softmax is a maximum there, and exp must neither overflow nor lose its argument.
  { times: 20 },
  { times: 50, D: 64, causal: true },
  { times: 20, scale: -1 },
  { times: 1e-3 },
];

const headEntries: Entry[] = [
  { B: 2, H: 4, Hk: 2, Nq: 17, causal: true },
  { B: 3, H: 6, Hk: 1, Nq: 9, Nk: 20 },
  { B: 2, H: 4, Hk: 2, Nq: 12, Nk: 19, D: 7, Dv: 12, layout: 'bnhd', causal: true },
  { H: 5, Nq: 8, layout: 'bnhd' },
];

const ofHeadSize = (D: number, causal: boolean): Entry => ({ H: 1, Nq: 35, Nk: 37, D, causal });

const defaults: Entry[] = [
  ...square([1, 15, 16, 17, 31, 32], { causal: true }),
  ...square([33, 63, 64, 65]),
  ...square([127, 128, 129], { H: 1, causal: true }),
  ...unequal([
    [1, 65],
    [65, 1],
    [33, 64],
    [64, 31],
  ]),
  ...headEntries,
  ...scaleEntries,
  ...fewHeadSizes.map((D, t) => ofHeadSize(D, t % 2 === 0)),
  { H: 1, Nq: 20, D: 64, Dv: 5 },
  // All scores equal, keys and values far from 0, and numbers below the normal range.
  { values: 'equal' },
  { values: 'shifted' },
  { values: 'subnormal' },
  // Each key outweighs those before it, and dq should cancel.
  { H: 2, Hk: 1, Nq: 20, Nk: 900, D: 16, alibi: 'head', dropout: 0.9, times: 20, values: 'equal', seed: 4 },
  ...featureEntries,
  ...halfEntries,
];

const lengths = [1, 2, 7, 15, 16, 17, 31, 32, 33, 63, 64, 65, 95, 96, 97, 127, 128, 129, 255, 256, 257];

const additional: Entry[] = [
  ...[false, true].flatMap((causal) => square(lengths, { causal })),
  ...square(lengths, { D: 64, causal: true, seed: 1 }),
  ...unequal(
    [
      [1, 257],
      [257, 1],
      [17, 130],
      [130, 17],
      [64, 128],
      [128, 64],
      [100, 101],
    ],
    { H: 4, Hk: 2, D: 33, Dv: 20 },
  ),
  ...headSizes.flatMap((D): Entry[] => [
    ofHeadSize(D, false),
    ofHeadSize(D, true),
    { B: 2, H: 2, Hk: 1, Nq: 70, Nk: 41, D, Dv: D, causal: true, layout: 'bnhd' },
    { Nq: 40, Nk: 70, D, Dv: 257 - D },
  ]),
  ...scaleEntries.flatMap((entry): Entry[] => [1, 2].map((seed) => ({ ...entry, Nq: 70, Nk: 130, D: 64, seed }))),
  { H: 1, Nq: 20, D: 7, Dv: 128, causal: true },
  { H: 12, Hk: 3, Nq: 200, D: 64, causal: true, layout: 'bnhd' },
  // Long ones are compared on a sample of rows (case-truth.ts).
  { H: 4, Nq: 1024, D: 64, causal: true },
  { H: 2, Nq: 4096, D: 64 },
  { H: 2, Hk: 1, Nq: 4096, D: 128, causal: true },
  ...crossedEntries,
];

/**
 * The cases of `check`, each once, small ones first within their group. `full` adds more lengths, crossings and long
 * sequences: long on a software adapter.
 */
export function checkCases(full = false): CheckCase[] {
  const cases = [...defaults, ...(full ? additional : [])].map(completeCase);
  const names = new Set<string>();
  return cases.filter((c) => names.size < names.add(caseName(c)).size);
}
