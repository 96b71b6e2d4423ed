import { type Band, CAUSAL, NO_FEATURES, type Problem, type ScoreOperand } from '../src/api/problem';
import { alibi } from '../src/features/alibi';
import { keyBegin, keyEnd, queryBegin, queryEnd } from '../src/features/band';
import { keeps } from '../src/features/dropout';
import { featureWords, scoreParams, type ScoreFeatures, scoreWgsl } from '../src/features/score';
import { softcap } from '../src/features/softcap';
import * as flash from '../src/node';
import { keeps as keepsOfTruth } from '../src/reference/dropout';
import { toStorage } from '../src/tensor/storage-array';
import { onEachAdapter } from './support/devices';
import { asFloats, runWgsl } from './support/run-wgsl';

// A feature is written twice, in TypeScript and in WGSL. Here both faces are evaluated on grids of (b, h, i, j) and compared with each
// other and with the formula written out once more.

const ALL: ScoreFeatures = {
  softcap: true,
  alibi: true,
  bias: true,
  mask: true,
  dropout: true,
  packed: true,
  words: 'storage',
};
const FORBIDDEN = Math.fround(-3.4e38);

/** All pairs of lengths from these, as the sequences of one packed problem. */
const LENGTHS = [0, 1, 2, 3, 7, 8, 13];
const pairs = LENGTHS.flatMap((Nq) => LENGTHS.map((Nk) => ({ Nq, Nk })));
const LONGEST = Math.max(...LENGTHS);

const BANDS: Band[] = [
  { left: Infinity, right: Infinity },
  CAUSAL,
  { left: 0, right: 0 },
  { left: 2, right: 0 },
  { left: 0, right: 3 },
  { left: 5, right: 1 },
  { left: 100, right: Infinity },
  { left: Infinity, right: 4 },
  // Strips that the diagonal does not lie in.
  { left: -2, right: 4 },
  { left: 3, right: -1 },
  { ...CAUSAL, topLeft: true },
  { left: 2, right: 1, topLeft: true },
];

const offsetsOf = (lengths: number[]): Int32Array =>
  Int32Array.from([0, ...lengths.map((_, b) => lengths.slice(0, b + 1).reduce((sum, n) => sum + n))]);

const packed: Problem = {
  ...NO_FEATURES,
  ...{ B: pairs.length, H: 1, Hk: 1, Nq: LONGEST, Nk: LONGEST, D: 4, Dv: 4, scale: 1 },
  ...{ layout: 'bnhd', packing: 'none', dtype: 'f32' },
  sequences: {
    cuSeqlensQ: offsetsOf(pairs.map(({ Nq }) => Nq)),
    cuSeqlensK: offsetsOf(pairs.map(({ Nk }) => Nk)),
  },
};

/** Whether query i sees key j: the contract's sentence. */
function sees({ left, right, topLeft }: Band, Nq: number, Nk: number, i: number, j: number): boolean {
  const centre = topLeft ? i : i + Nk - Nq;
  return centre - left <= j && j <= centre + right;
}

const range = (n: number): number[] => Array.from({ length: n }, (_, x) => x);

describe('the band in TypeScript', () => {
  test.each(BANDS)('%j: what a query sees, and who sees a key, by all pairs', (band) => {
    for (const { Nq, Nk } of pairs) {
      const p = { Nq, Nk, band };
      for (const i of range(Nq)) {
        const seen = range(Nk).filter((j) => sees(band, Nq, Nk, i, j));
        if (seen.length > 0) expect([keyBegin(p, i), keyEnd(p, i)]).toEqual([seen[0], seen[seen.length - 1] + 1]);
        else expect(keyEnd(p, i)).toBeLessThanOrEqual(keyBegin(p, i));
      }
      for (const j of range(Nk)) {
        const seers = range(Nq).filter((i) => sees(band, Nq, Nk, i, j));
        if (seers.length > 0) {
          expect([queryBegin(p, j), queryEnd(p, j)]).toEqual([seers[0], seers[seers.length - 1] + 1]);
        } else expect(queryEnd(p, j)).toBeLessThanOrEqual(queryBegin(p, j));
      }
    }
  });
});

/** Numbers of a seeded spread, for features that need some. */
const some = (n: number, f: (x: number) => number): number[] => range(n).map((x) => f(((x * 2654435761) >>> 8) % 1000));

const [B, H, Nq, Nk] = [3, 2, 5, 9];
const dense: Problem = {
  ...NO_FEATURES,
  ...{ B, H, Hk: H, Nq, Nk, D: 4, Dv: 4, scale: 1, layout: 'bhnd', packing: 'none', dtype: 'f32' },
};
const nothing = new Uint32Array(4);

/** The words of a tensor as the kernels bind it. */
function wordsOf(numbers: number[], dtype: ScoreOperand['dtype']): Uint32Array {
  const stored = toStorage(numbers, dtype, 'operand');
  const bytes = new Uint8Array(Math.ceil(stored.byteLength / 4) * 4);
  bytes.set(new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength));
  return new Uint32Array(bytes.buffer);
}

/** Index into an operand that is broadcast. */
function broadcastIndex(shape: ScoreOperand['shape'], at: number[]): number {
  return shape.reduce((index, size, axis) => index * size + (size === 1 ? 0 : at[axis]), 0);
}

const grid = range(B * H * Nq * Nk).map((n) => [
  Math.floor(n / (H * Nq * Nk)),
  Math.floor(n / (Nq * Nk)) % H,
  Math.floor(n / Nk) % Nq,
  n % Nk,
]);

/** adjustment(seq, b, h, i, j) of all pairs. */
async function adjustments(
  p: Problem,
  bias: Uint32Array = nothing,
  mask: Uint32Array = nothing,
): Promise<Float32Array> {
  const words = featureWords(p);
  const code = `${scoreWgsl(ALL, 2)}
fn adjusted(n: u32) -> f32 {
  let b = n / ${H * Nq * Nk}u;
  return adjustment(sequence(b), b, n / ${Nq * Nk}u % ${H}u, n / ${Nk}u % ${Nq}u, n % ${Nk}u);
}`;
  const params = { Nq: p.Nq, Nk: p.Nk, ...scoreParams(p, ALL), bias_base: 0, mask_base: 0 };
  const inputs = [bias, mask, words.length > 0 ? words : nothing];
  return asFloats(await runWgsl({ code, params, inputs, count: grid.length, result: 'bitcast<u32>(adjusted(n))' }));
}

const SHAPES: ScoreOperand['shape'][] = [
  [B, H, Nq, Nk],
  [1, 1, 1, 1],
  [B, 1, 1, Nk],
  [1, H, Nq, 1],
  [1, 1, Nq, Nk],
  [B, H, 1, 1],
];
const size = (shape: ScoreOperand['shape']): number => shape.reduce((product, n) => product * n);

onEachAdapter('both faces of a feature', () => {
  describe('the band', () => {
    const code = `${scoreWgsl(ALL, 2)}
fn bounds(n: u32) -> u32 {
  let which = n % 4u;
  let x = n / 4u % ${LONGEST}u;
  let seq = sequence(n / ${4 * LONGEST}u);
  if (which == 0u) { return key_begin(seq, x); }
  if (which == 1u) { return key_end(seq, x); }
  if (which == 2u) { return query_begin(seq, x); }
  return query_end(seq, x);
}
fn tile_uncut(n: u32) -> u32 {
  let j0 = n % ${LONGEST}u;
  let i0 = n / ${LONGEST}u % ${LONGEST}u;
  let seq = sequence(n / ${LONGEST * LONGEST}u);
  if ((i0 >= seq.Nq) | (j0 >= seq.Nk)) { return 2u; }
  let i1 = min(i0 + params.tile_q, seq.Nq) - 1u;
  let j1 = min(j0 + params.tile_k, seq.Nk) - 1u;
  return select(0u, 1u, uncut(seq, i0, i1, j0, j1));
}`;
    const problem = (band: Band): Problem => ({ ...packed, band });
    const run = (band: Band, tile: [number, number], count: number, result: string): Promise<Uint32Array> => {
      const params = {
        ...{ Nq: LONGEST, Nk: LONGEST, tile_q: tile[0], tile_k: tile[1] },
        ...{ ...scoreParams(problem(band), ALL), bias_base: 0, mask_base: 0 },
      };
      return runWgsl({ code, params, inputs: [nothing, nothing, featureWords(problem(band))], count, result });
    };

    test.each(BANDS)(
      '%j: both faces agree for every length, and uncut tiles are those that all pairs say',
      async (band) => {
        const bounds = await run(band, [1, 1], pairs.length * LONGEST * 4, 'bounds(n)');
        const expected = pairs.flatMap((lengths) => {
          const p = { ...lengths, band };
          return range(LONGEST).flatMap((x) => [keyBegin(p, x), keyEnd(p, x), queryBegin(p, x), queryEnd(p, x)]);
        });
        expect(Array.from(bounds)).toEqual(expected);
        for (const [br, bc] of [
          [1, 1],
          [4, 2],
          [3, 8],
        ]) {
          const tiles = await run(band, [br, bc], pairs.length * LONGEST ** 2, 'tile_uncut(n)');
          const whole = pairs.flatMap((p) =>
            range(LONGEST ** 2).map((n) => {
              const [i0, j0] = [Math.floor(n / LONGEST), n % LONGEST];
              if (i0 >= p.Nq || j0 >= p.Nk) return 2;
              const queries = range(Math.min(br, p.Nq - i0));
              const keys = range(Math.min(bc, p.Nk - j0));
              return Number(queries.every((r) => keys.every((c) => sees(band, p.Nq, p.Nk, i0 + r, j0 + c))));
            }),
          );
          expect(Array.from(tiles)).toEqual(whole);
        }
      },
    );
  });

  test('softcap: tanh and its slope are right to a few last bits for small and large numbers alike', async () => {
    const positive = [
      ...range(400).map((n) => 10 ** (n / 20 - 12)),
      ...[1.2e-37, 0.3499, 0.35, 0.3501, 8.9, 15.9, 16, 16.1, 88, 89, 90, 1e10, 3e38],
    ];
    const numbers = Float32Array.from([0, ...positive, ...positive.map((x) => -x)]);
    const code = `${scoreWgsl(ALL, 2)}
@group(0) @binding(5) var<storage, read> x: array<f32>;`;
    const params = { Nq, Nk, ...scoreParams(dense, ALL), bias_base: 0, mask_base: 0 };
    const inputs = [nothing, nothing, nothing, new Uint32Array(numbers.buffer)];
    const count = numbers.length;
    const run = async (value: string): Promise<Float32Array> =>
      asFloats(await runWgsl({ code, params, inputs, count, result: `bitcast<u32>(${value})` }));
    const found = await run('safe_tanh(x[n])');
    const slopes = await run('tanh_and_slope(x[n]).y');
    for (const [n, slope] of slopes.entries()) {
      const truth = 1 / Math.cosh(numbers[n]) ** 2;
      expect(Math.abs(slope - truth)).toBeLessThanOrEqual(3e-6 * truth + 1e-13);
    }
    const bad = range(count)
      .map((n) => ({ x: numbers[n], tanh: found[n], truth: softcap(numbers[n], 1) }))
      // NaN must not pass.
      .filter(({ tanh, truth }) => !(Math.abs(tanh - truth) <= 3e-7 * Math.abs(truth)));
    expect(bad).toEqual([]);
  });

  test('ALiBi: every pair of every head, by the diagonal of its own lengths', async () => {
    const slopes = Float32Array.from(some(B * H, (x) => x / 300 - 1));
    const found = await adjustments({ ...dense, alibiSlopes: slopes });
    grid.forEach(([b, h, i, j], n) => {
      const truth = alibi(slopes[b * H + h], i, j, Nq, Nk);
      expect(truth).toBeCloseTo(-slopes[b * H + h] * Math.abs(i + Nk - Nq - j), 12);
      expect(Math.abs(found[n] * Math.LN2 - truth)).toBeLessThanOrEqual(3e-7 * Math.abs(truth));
    });
  });

  test.each(['f32', 'f16'] as const)(
    'bias in %s: broadcast along any axis, -Infinity forbids, huge ones stay finite',
    async (dtype) => {
      for (const shape of SHAPES) {
        const numbers = some(size(shape), (x) => (x % 7 === 0 ? -Infinity : (x - 500) / 64));
        if (dtype === 'f32') numbers[numbers.length - 1] = -3e38;
        const found = await adjustments({ ...dense, bias: { shape, dtype } }, wordsOf(numbers, dtype));
        grid.forEach((at, n) => {
          const truth = numbers[broadcastIndex(shape, at)];
          if (truth === -Infinity) expect(found[n]).toBe(FORBIDDEN);
          else if (truth < -1e38) expect(found[n]).toBe(Math.fround(-1.6e38));
          else expect(Math.abs(found[n] * Math.LN2 - truth)).toBeLessThanOrEqual(3e-7 * Math.abs(truth));
        });
      }
    },
  );

  test.each(['bool', 'i8', 'f16', 'f32'] as const)(
    'mask in %s: 0 of either sign forbids, anything else allows',
    async (dtype) => {
      const kinds: Record<typeof dtype, number[]> = {
        bool: [0, 1],
        i8: [0, 1, -1, -128],
        f16: [0, -0, 1, 2 ** -24, -65504],
        f32: [0, -0, 1, 1e-40, -1e30],
      };
      for (const shape of SHAPES) {
        const numbers = some(size(shape), (x) => kinds[dtype][x % kinds[dtype].length]);
        const found = await adjustments({ ...dense, mask: { shape, dtype } }, nothing, wordsOf(numbers, dtype));
        const truth = grid.map((at) => (numbers[broadcastIndex(shape, at)] === 0 ? FORBIDDEN : 0));
        expect(Array.from(found)).toEqual(truth);
      }
    },
  );

  test('all of them together: band and mask forbid, ALiBi and bias add up', async () => {
    const band: Band = { left: 2, right: 1 };
    const slopes = Float32Array.from(some(B * H, (x) => x / 500));
    const bias = some(B * H * Nq * Nk, (x) => (x % 5 === 0 ? -Infinity : x / 100));
    const mask = some(Nq * Nk, (x) => x % 3);
    const p: Problem = {
      ...{ ...dense, band, alibiSlopes: slopes },
      bias: { shape: [B, H, Nq, Nk], dtype: 'f32' },
      mask: { shape: [1, 1, Nq, Nk], dtype: 'bool' },
    };
    const found = await adjustments(p, wordsOf(bias, 'f32'), wordsOf(mask, 'bool'));
    grid.forEach(([b, h, i, j], n) => {
      const allowed = sees(band, Nq, Nk, i, j) && mask[i * Nk + j] !== 0 && bias[n] !== -Infinity;
      const truth = alibi(slopes[b * H + h], i, j, Nq, Nk) + bias[n];
      if (allowed) expect(Math.abs(found[n] * Math.LN2 - truth)).toBeLessThanOrEqual(2e-6 * (1 + Math.abs(truth)));
      else expect(found[n]).toBe(FORBIDDEN);
    });
  });

  test('dropout: kernels, flash.dropoutMask and the float64 reference draw the same mask', async () => {
    const words = [0, 1, 2, 7, 255, 65535, 65536, 2 ** 20 + 3, 2 ** 31, 2 ** 32 - 1];
    const heads = [0, 1, 31, 65535];
    const places = heads.flatMap((b) => heads.flatMap((h) => words.flatMap((i) => words.map((j) => [b, h, i, j]))));
    const code = `${scoreWgsl(ALL, 2)}
@group(0) @binding(5) var<storage, read> places: array<vec4u>;`;
    const inputs = [nothing, nothing, nothing, Uint32Array.from(places.flat())];
    const result = 'select(0u, 1u, keeps(places[n].x, places[n].y, places[n].z, places[n].w))';
    for (const dropout of [
      { p: 0.1, seed: 0 },
      { p: 0.5, seed: 2 ** 32 - 1 },
      { p: 0.999, seed: 12345 },
      { p: 2 ** -32, seed: 3 },
    ]) {
      const params = { Nq, Nk, ...scoreParams({ ...dense, dropout }, ALL), bias_base: 0, mask_base: 0 };
      const found = await runWgsl({ code, params, inputs, count: places.length, result });
      const expected = places.map(([b, h, i, j]) => Number(keeps(dropout, b, h, i, j)));
      expect(Array.from(found)).toEqual(expected);
      expect(places.map(([b, h, i, j]) => Number(keepsOfTruth(dropout.seed, dropout.p, b, h, i, j)))).toEqual(expected);
    }
    const mask = await flash.dropoutMask([B, H, Nq, Nk], 0.5, 77).data();
    expect(Array.from(mask)).toEqual(grid.map(([b, h, i, j]) => Number(keeps({ p: 0.5, seed: 77 }, b, h, i, j))));
  });
});
