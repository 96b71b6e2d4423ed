import { functionExercise } from '../definition';
import { drawCases } from '../draw';
import { attendRow } from '../plain-attention';
import { alibiSlopes, causalBand } from './07-in-practice-masks';

/** Numbers of sequences, the longest length, and which of them are empty. */
const BATCHES = [1, 2, 3, 4, 5, 8, 13, 21].flatMap((B, n) =>
  [1, 7, 100].map((longest) => ({ B, longest, empty: [0, 3, 2][n % 3] })),
);

const sums = (lengths: readonly number[]): number[] => {
  const starts = [0];
  for (const n of lengths) starts.push(starts[starts.length - 1] + n);
  return starts;
};

const cuSeqlens = functionExercise<[lengths: number[]], number[]>({
  spec: 'cuSeqlens(lengths): where each sequence begins among the packed rows, and where the last one ends; lengths may be 0.',
  hints: [
    'Sequence b begins where the ones before it end: at the sum of their lengths. Where does the first one begin?',
    'B sequences have B + 1 offsets: sequence b has the rows from the offset b up to, not including, the offset b + 1.',
    'Begin with [0], and for each length append the last offset plus that length.',
  ],
  cases: drawCases(
    703,
    BATCHES.map((size, n) => ({ ...size, n })),
    ({ B, longest, n }) => `B = ${B}, max <= ${longest + (n % 2)}`,
    ({ longest, empty, n, B }, draw) => [
      Array.from({ length: B }, (_, b) => (empty > 0 && (b + n) % empty === 0 ? 0 : draw.whole(1, longest) + (n % 2))),
    ],
  ),
  expected: sums,
  tolerance: 'exact',
  mistakes: [
    {
      answer: (lengths) => sums(lengths).slice(1),
      hint: 'As many offsets as sequences; there must be one more. The list begins with 0, where the first sequence begins, and ends with the total.',
    },
    {
      answer: (lengths) => sums(lengths.filter((n) => n > 0)),
      hint: 'Empty sequences are left out. They have an offset as well, the same as that of the next sequence; without it all later sequences change their number.',
    },
    {
      answer: (lengths) => [0, ...lengths],
      hint: 'These are the lengths with a 0 in front. "cu" stands for cumulative: every offset is the sum of all lengths before it.',
    },
    {
      answer: (lengths) => [0, ...lengths.map((_, b) => (b + 1) * Math.max(...lengths))],
      hint: 'These are offsets of sequences that were padded to the longest. Packed sequences follow each other without padding.',
    },
    {
      answer: (lengths) => sums(lengths).map((start, b) => (b === 0 ? 0 : start - 1)),
      hint: 'An offset is where the next sequence begins, one after the last row of the one before, not that row itself.',
    },
  ],
});

/** Attention over one part of the keys, as a split of the keys leaves it. */
export interface Part {
  out: number[];
  lse: number;
}

/** Numbers of parts, of keys in each (0: an empty part), of columns, and what is added to all scores. */
const PARTS = [
  { keys: [5], Dv: 3 },
  { keys: [1, 1], Dv: 1 },
  { keys: [4, 9], Dv: 2 },
  { keys: [16, 16, 16], Dv: 4 },
  { keys: [3, 0, 7], Dv: 3 },
  { keys: [0, 8], Dv: 2 },
  { keys: [40, 1, 2, 0, 13], Dv: 5 },
  { keys: [7, 7, 7, 7, 7, 7, 7, 3], Dv: 2 },
].flatMap(({ keys, Dv }, n) => [
  { keys, Dv, shift: 0 },
  { keys, Dv, shift: [900, -900][n % 2] },
  { keys, Dv, shift: [-1000, 5000][n % 2] },
]);

const EMPTY = [
  { keys: [0], Dv: 2, shift: 0 },
  { keys: [0, 0, 0], Dv: 3, shift: 0 },
];

function partOf(x: readonly number[], v: readonly number[][], Dv: number): Part {
  if (x.length === 0) return { out: new Array<number>(Dv).fill(0), lse: -Infinity };
  return attendRow(x, v);
}

/** The sum of the outs, each with its weight, over the sum of the weights. */
function weighted(parts: readonly Part[], weight: (part: Part, m: number) => number): Part & { total: number } {
  const m = Math.max(...parts.map(({ lse }) => lse));
  const weights = parts.map((part) => weight(part, m));
  const total = weights.reduce((a, b) => a + b, 0);
  const out = parts[0].out.map((_, c) => parts.reduce((sum, part, r) => sum + weights[r] * part.out[c], 0));
  return { out: out.map((x) => x / total), lse: m + Math.log(total), total };
}

const shifted = ({ lse }: Part, m: number): number => Math.exp(lse - m);

const merged = (parts: readonly Part[]): Part => {
  const all = weighted(parts, (part, m) => (part.lse === -Infinity ? 0 : shifted(part, m)));
  return all.total === 0 ? { out: all.out.map(() => 0), lse: -Infinity } : { out: all.out, lse: all.lse };
};

/** `wrong` where there is a key at all. */
const unlessEmpty =
  (wrong: (parts: Part[]) => Part) =>
  (parts: Part[]): Part =>
    parts.every(({ lse }) => lse === -Infinity) ? merged(parts) : wrong(parts);

const mergeSplits = functionExercise<[parts: Part[]], Part>({
  spec: 'mergeSplits(parts): { out, lse } over all keys, from { out, lse } over each part of them; a part may be empty (out = 0, lse = -Infinity).',
  hints: [
    'exp(lse) of a part is the sum of exponentials that its out was divided by. Part r therefore counts exp(lse_r) in the mean of the outs.',
    'exp(lse_r) overflows. Subtract the largest lse from all of them first: the weights are exp(lse_r - m), and lse = m + log(the sum of the weights).',
    'out is the sum of weight times out, over the sum of the weights. If all parts are empty, m is -Infinity: return zeros and -Infinity before anything is subtracted.',
  ],
  cases: drawCases(
    704,
    [...PARTS, ...EMPTY],
    ({ keys, Dv, shift }) => `Nk = ${keys.join(' + ')}, Dv = ${Dv}, s = ${shift} + 2 randn`,
    ({ keys, Dv, shift }, draw) => [
      keys.map((n) =>
        partOf(
          draw.list(n, 2).map((x) => x + shift),
          draw.matrix(n, Dv),
          Dv,
        ),
      ),
    ],
  ),
  expected: merged,
  tolerance: {
    maxAbsScore: (parts) => Math.max(0, ...parts.map(({ lse }) => Math.abs(lse)).filter(Number.isFinite)),
  },
  mistakes: [
    {
      answer: unlessEmpty((parts) => ({ ...merged(parts), out: weighted(parts, () => 1).out })),
      hint: 'The outs are averaged as if all parts weighed the same. A part with more, or better, keys counts more: its weight is exp(lse).',
    },
    {
      answer: (parts) => {
        const { out, total } = weighted(parts, ({ lse }) => Math.exp(lse));
        return { out, lse: Math.log(total) };
      },
      hint: 'exp(lse) overflows for large lse, and is 0 for very negative ones. Subtract the largest lse before exp, and add it to the logarithm.',
    },
    {
      answer: (parts) => {
        const { out, lse } = weighted(parts, shifted);
        return { out, lse };
      },
      hint: 'Right but for parts that are all empty: -Infinity - (-Infinity) is NaN. Then out is 0 and lse is -Infinity.',
    },
    {
      answer: (parts) => ({ ...merged(parts), lse: parts.reduce((sum, { lse }) => sum + lse, 0) }),
      hint: 'The lse are added up. What adds up is the sums, exp(lse): the lse of all is the logarithm of the sum of exp(lse).',
    },
    {
      answer: (parts) => ({ ...merged(parts), lse: Math.max(...parts.map(({ lse }) => lse)) }),
      hint: 'lse is only the largest lse; the logarithm of the sum of the weights, exp(lse_r - m), is to be added.',
    },
    {
      answer: unlessEmpty((parts) => {
        const { out, lse, total } = weighted(parts, shifted);
        return { out: out.map((x) => x * total), lse };
      }),
      hint: 'The weighted outs are not divided by the sum of the weights. The weights must sum to 1: exp(lse_r - lse) does.',
    },
  ],
});

/** Sizes of a cache. Heads of the queries are among them, as they are in the configuration of a model. */
export interface CacheSizes {
  layers: number;
  batch: number;
  heads: number;
  kvHeads: number;
  seq: number;
  dim: number;
  bytes: number;
}

/** 2 B Hk N D numbers in each layer; a mistake has other factors. */
const numbers = ({ layers, batch, kvHeads, seq, dim, bytes }: CacheSizes): number =>
  2 * layers * batch * kvHeads * seq * dim * bytes;

const kvCacheBytes = functionExercise<[sizes: CacheSizes], number>({
  spec: 'kvCacheBytes({ layers, batch, heads, kvHeads, seq, dim, bytes }): bytes of the keys and values of all layers; heads, of queries, and kvHeads have size dim, a number takes bytes bytes.',
  hints: [
    'Count for one token and one layer first: how many numbers are kept? The queries of earlier tokens are not needed again.',
    'A token leaves a key and a value of dim numbers for each of the kvHeads, in each layer.',
    'So 2 * kvHeads * dim numbers for a token and a layer, times layers, batch, seq and bytes.',
  ],
  cases: drawCases(
    705,
    [1, 2, 3, 12, 24, 32, 40, 48, 61, 80, 96, 126].flatMap((layers, n) => [
      { layers, group: [1, 4, 8][n % 3], kvHeads: [1, 2, 8, 16][n % 4], longest: 64 },
      { layers, group: [8, 1, 2][n % 3], kvHeads: [8, 4, 1, 32][n % 4], longest: 131072 },
    ]),
    ({ layers, group, kvHeads }) => `layers = ${layers}, heads = ${group * kvHeads}, kvHeads = ${kvHeads}`,
    ({ layers, group, kvHeads, longest }, draw) => [
      {
        ...{ layers, batch: draw.whole(1, 16), heads: group * kvHeads, kvHeads },
        ...{ seq: draw.whole(1, longest), dim: draw.pick([32, 64, 80, 128]), bytes: draw.pick([1, 2, 4]) },
      },
    ],
  ),
  expected: numbers,
  tolerance: 'exact',
  mistakes: [
    { answer: (sizes) => numbers(sizes) / 2, hint: 'Half of it: keys are kept, and values as well.' },
    {
      answer: (sizes) => numbers({ ...sizes, kvHeads: sizes.heads }),
      hint: 'Counted with the heads of the queries. Only kvHeads heads of keys and values are kept; several query heads read the same one.',
    },
    {
      answer: (sizes) => numbers(sizes) / sizes.layers,
      hint: 'That is one layer. Every layer has keys and values of its own.',
    },
    {
      answer: (sizes) => numbers(sizes) / sizes.batch,
      hint: 'That is one sequence. Every entry of the batch has keys and values of its own.',
    },
    { answer: (sizes) => numbers(sizes) / sizes.bytes, hint: 'These are numbers, not bytes.' },
    {
      answer: (sizes) => 2 * sizes.layers * sizes.batch * sizes.heads * sizes.seq ** 2 * sizes.bytes,
      hint: 'That grows as seq * seq, as a matrix of weights would. Weights are never kept, only a key and a value for each token.',
    },
  ],
});

export const inPractice = {
  'causal-band': causalBand,
  'alibi-slopes': alibiSlopes,
  'cu-seqlens': cuSeqlens,
  'kv-cache-bytes': kvCacheBytes,
  'merge-splits': mergeSplits,
};
