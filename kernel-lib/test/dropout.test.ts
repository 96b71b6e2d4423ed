import * as flash from '../src/node';
import { expectAllClose, bitsOf } from './support/close';
import { onEachAdapter } from './support/devices';

const P = 0.3;

/** The entries of a mask with their mean taken away and a variance of 1. */
async function standardised(shape: [number, number, number, number], p: number, seed: number): Promise<Float64Array> {
  const mask = await flash.dropoutMask(shape, p, seed).data();
  return Float64Array.from(mask, (keep) => (keep - (1 - p)) / Math.sqrt(p * (1 - p)));
}

/** How many standard deviations the sum of n independent numbers of variance 1 is away from 0. */
const deviations = (sum: number, n: number): number => Math.abs(sum) / Math.sqrt(n);

describe('dropoutMask', () => {
  const shape: [number, number, number, number] = [3, 4, 24, 32];
  const [B, H, Nq, Nk] = shape;
  const strides = [H * Nq * Nk, Nq * Nk, Nk, 1];
  const size = B * strides[0];

  test.each([0.01, 0.1, 0.5, 0.9])('p = %d: every seed keeps its share', async (p) => {
    for (let seed = 0; seed < 30; seed++) {
      const x = await standardised(shape, p, seed);
      const sum = x.reduce((a, b) => a + b);
      expect(deviations(sum, size)).toBeLessThan(5);
    }
  });

  test.each([
    ['batch entry', 0],
    ['head', 1],
    ['row', 2],
    ['column', 3],
  ])('every %s keeps its share, and no more evenly than by chance', async (_, axis) => {
    const seeds = 20;
    let squares = 0;
    let worst = 0;
    for (let seed = 0; seed < seeds; seed++) {
      const x = await standardised(shape, P, seed);
      const sums = new Float64Array(shape[axis]);
      x.forEach((value, n) => (sums[Math.floor(n / strides[axis]) % shape[axis]] += value));
      for (const sum of sums) {
        squares += deviations(sum, size / shape[axis]) ** 2;
        worst = Math.max(worst, deviations(sum, size / shape[axis]));
      }
    }
    expect(worst).toBeLessThan(5);
    // The mean of n squared normal numbers is 1, give or take sqrt(2 / n).
    const n = seeds * shape[axis];
    expect(Math.abs(squares / n - 1)).toBeLessThan(5 * Math.sqrt(2 / n));
  });

  test('neighbours in b, h, i, j and seed, and mirrored pairs, have nothing to do with each other', async () => {
    const steps: Record<string, number[]> = {
      ...{ b: [1, 0, 0, 0], h: [0, 1, 0, 0], i: [0, 0, 1, 0], j: [0, 0, 0, 1] },
      ...{
        'i and j': [0, 0, 1, 1],
        'i up, j down': [0, 0, 1, -1],
        'two keys on': [0, 0, 0, 2],
        'h and i': [0, 1, 1, 0],
      },
    };
    for (let seed = 0; seed < 8; seed++) {
      const x = await standardised(shape, P, seed);
      const next = await standardised(shape, P, seed + 1);
      for (const [name, step] of Object.entries(steps)) {
        let sum = 0;
        let n = 0;
        x.forEach((value, at) => {
          const inside = step.every((by, axis) => {
            const place = (Math.floor(at / strides[axis]) % shape[axis]) + by;
            return place >= 0 && place < shape[axis];
          });
          if (!inside) return;
          sum += value * x[step.reduce((to, by, axis) => to + by * strides[axis], at)];
          n++;
        });
        expect({ name, seed, tooFar: deviations(sum, n) >= 5 }).toEqual({ name, seed, tooFar: false });
      }
      const ofSeeds = x.reduce((sum, value, at) => sum + value * next[at], 0);
      expect(deviations(ofSeeds, size)).toBeLessThan(5);
    }
    const square = await standardised([1, 1, 300, 300], P, 5);
    let mirrored = 0;
    for (let i = 0; i < 300; i++) for (let j = 0; j < i; j++) mirrored += square[i * 300 + j] * square[j * 300 + i];
    expect(deviations(mirrored, (300 * 299) / 2)).toBeLessThan(5);
  });

  test('an entry does not depend on the shape, and what is kept grows as p falls', async () => {
    const large = await flash.dropoutMask(shape, P, 9).data();
    const small = await flash.dropoutMask([2, 3, 7, 25], P, 9).data();
    const less = await flash.dropoutMask(shape, P / 2, 9).data();
    small.forEach((keep, n) => {
      const [b, h, i, j] = [Math.floor(n / 525), Math.floor(n / 175) % 3, Math.floor(n / 25) % 7, n % 25];
      expect(keep).toBe(large[b * strides[0] + h * strides[1] + i * Nk + j]);
    });
    expect(large.every((keep, n) => keep <= less[n])).toBe(true);
  });

  test('p = 0 keeps everything; bad arguments are refused by name', async () => {
    expect((await flash.dropoutMask([1, 2, 3, 4], 0, 1).data()).every((keep) => keep === 1)).toBe(true);
    expect((await flash.dropoutMask([1, 0, 3, 4], 0.5, 1).data()).length).toBe(0);
    const call = (...args: unknown[]) => (flash.dropoutMask as (...all: unknown[]) => flash.Tensor)(...args);
    expect(() => call([1, 2, 3], 0.5, 1)).toThrow(/^shape: /);
    expect(() => call([1, 2, 3, -4], 0.5, 1)).toThrow(/^shape: /);
    expect(() => call([1, 2, 3, 4], 1, 1)).toThrow(/^p: /);
    expect(() => call([1, 2, 3, 4], NaN, 1)).toThrow(/^p: /);
    expect(() => call([1, 2, 3, 4], 0.5, -1)).toThrow(/^seed: /);
    expect(() => call([1, 2, 3, 4], 0.5, 2 ** 32)).toThrow(/^seed: /);
  });
});

// With as many keys as columns, the identity as v makes out the matrix of dropped and scaled p; as dout it makes dv its transpose.
const [B, H, N] = [2, 4, 16];

async function identity(heads: number): Promise<Float32Array> {
  return Float32Array.from({ length: B * heads * N * N }, (_, n) => Number(Math.floor(n / N) % N === n % N));
}

type Options = flash.AttentionOptions & { dtype?: flash.FloatDType };
const VARIANTS: [string, Options][] = [
  ['flash2', {}],
  ['flash2 with tiles 5 x 7', { tiles: { br: 5, bc: 7 } }],
  ['flash2 in f16', { dtype: 'f16' }],
  ['flash1', { algorithm: 'flash1' }],
  ['flash1 with tiles 5 x 7', { algorithm: 'flash1', tiles: { br: 5, bc: 7 } }],
  ['naive', { algorithm: 'naive' }],
  ['reference', { algorithm: 'reference' }],
];

onEachAdapter('dropout', () => {
  const seed = 2 ** 31 + 5;
  const input = (heads: number, n: number, dtype: flash.FloatDType): flash.Tensor =>
    flash.randn([B, heads, N, N], { seed: n, dtype });

  test.each(VARIANTS)(
    '%s: forward and backward drop what dropoutMask says',
    async (_, { dtype = 'f32', ...options }) => {
      const [q, k] = [input(H, 1, dtype), input(H, 2, dtype)];
      const eye = flash.tensor(await identity(H), [B, H, N, N], { dtype });
      const result = await flash.attention(q, k, eye, { ...options, dropout: P, seed });
      expect(result.seed).toBe(seed);
      const { dv } = await result.backward(eye);
      const mask = await flash.dropoutMask([B, H, N, N], P, seed).data();
      const kept = (x: Float32Array): number[] => Array.from(x, (value) => Number(value !== 0));
      expect(kept(await result.out.data())).toEqual(Array.from(mask));
      const transposed = Array.from(mask, (__, n) => mask[n - (n % (N * N)) + (n % N) * N + (Math.floor(n / N) % N)]);
      expect(kept(await dv.data())).toEqual(transposed);
    },
  );

  test.each(VARIANTS.slice(0, -1))(
    "%s: all results, with grouped heads, are the reference's",
    async (_, { dtype = 'f32', ...options }) => {
      const [q, k, v, dout] = [input(H, 1, dtype), input(2, 2, dtype), input(2, 3, dtype), input(H, 4, dtype)];
      const call = { dropout: 0.6, seed, causal: true };
      const result = await flash.attention(q, k, v, { ...call, ...options });
      const truth = await flash.attention(q, k, v, { ...call, algorithm: 'reference' });
      const relative = dtype === 'f16' ? 2e-3 : undefined;
      await expectAllClose(result, truth, relative);
      await expectAllClose(await result.backward(dout), await truth.backward(dout), relative);
      // lse is taken before dropout.
      const whole = await flash.attention(q, k, v, { causal: true, algorithm: 'reference' });
      await expectAllClose({ lse: result.lse }, { lse: whole.lse });
    },
  );

  test('b is the sequence of a varlen call, and i and j count within it', async () => {
    const eye = await identity(1);
    const rows = flash.tensor([...eye.subarray(0, N * N), ...eye.subarray(0, 9 * N)], [N + 9, 1, N]);
    const [q, k] = [flash.randn([N + 9, 1, N], { seed: 1 }), flash.randn([N + 9, 1, N], { seed: 2 })];
    const offsets = [0, N, N, N + 9];
    const call = { cuSeqlensQ: offsets, cuSeqlensK: offsets, dropout: P, seed };
    const out = await (await flash.attentionVarlen(q, k, rows, call)).out.data();
    const mask = await flash.dropoutMask([3, 1, N, N], P, seed).data();
    for (let i = 0; i < N; i++) {
      for (let j = 0; j < N; j++) expect(Number(out[i * N + j] !== 0)).toBe(mask[i * N + j]);
    }
    for (let i = 0; i < 9; i++) {
      for (let j = 0; j < 9; j++) expect(Number(out[(N + i) * N + j] !== 0)).toBe(mask[(2 * N + i) * N + j]);
    }
  });

  test('a seed is drawn where none is given, told, and gives the same bits again', async () => {
    const [q, k, v] = [input(H, 1, 'f32'), input(H, 2, 'f32'), input(H, 3, 'f32')];
    const drawn = await Promise.all([0, 1, 2, 3].map(() => flash.attention(q, k, v, { dropout: P })));
    const seeds = drawn.map((result) => result.seed!);
    for (const one of seeds) expect(Number.isInteger(one) && one >= 0 && one < 2 ** 32).toBe(true);
    expect(new Set(seeds).size).toBeGreaterThan(1);
    const again = await flash.attention(q, k, v, { dropout: P, seed: seeds[0] });
    expect(await bitsOf(again)).toEqual(await bitsOf(drawn[0]));
    expect(await bitsOf(await again.backward(q))).toEqual(await bitsOf(await drawn[0].backward(q)));
    expect((await bitsOf(drawn[1])).out).not.toEqual((await bitsOf(drawn[0])).out);
    const without = await flash.attention(q, k, v, { seed: 3 });
    expect(without.seed).toBeUndefined();
  });
});
