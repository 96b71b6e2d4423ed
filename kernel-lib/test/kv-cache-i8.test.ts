import * as flash from '../src/node';
import { keysOf, randomCache, rowsOf } from './support/cache';
import { onEachAdapter } from './support/devices';
import { withSpoiltBuffers } from './support/spoilt-buffers';

// A cache of signed bytes, with a scale for each head and block of 32 rows: how wrong it may be, and how wrong it is.

const [H, Hk, D] = [4, 2, 16];

/** One append of `rows` (1,N,Hk,D) from row `at` on; the attention of one query over all rows so far. */
async function append(
  cache: flash.KvCache,
  k: flash.Tensor,
  v: flash.Tensor,
  at: number,
): Promise<flash.KvCacheResult> {
  const q = flash.randn([1, 1, H, D], { seed: 1 });
  return flash.attentionWithKvCache(q, cache, { k, v, cacheSeqlens: at });
}

const oneEntry = (seq: number): flash.KvCache => flash.kvCache({ batch: 1, kvHeads: Hk, seq, dim: D, dtype: 'i8' });

/** Rows of random numbers whose size grows, so that scales do, too. */
async function growing(N: number, seed: number, growth: number): Promise<flash.Tensor> {
  const numbers = await flash.randn([1, N, Hk, D], { seed }).data();
  return flash.tensor(
    numbers.map((x, n) => x * (1 + (growth * Math.floor(n / (Hk * D))) / N)),
    [1, N, Hk, D],
  );
}

async function rowsFrom(t: flash.Tensor, begin: number, end: number): Promise<flash.Tensor> {
  const [, , heads, width] = t.shape;
  const numbers = (await t.data()).slice(begin * heads * width, end * heads * width);
  return flash.tensor(numbers, [1, end - begin, heads, width]);
}

onEachAdapter('an i8 cache', () => {
  withSpoiltBuffers();

  test('one append: the scale is the largest of a block over 127, and a number is off by half a scale at most', async () => {
    const cache = oneEntry(96);
    const [k, v] = [await growing(75, 2, 3), await growing(75, 3, 0)];
    await append(cache, k, v, 0);
    for (const [name, given] of [
      ['k', k],
      ['v', v],
    ] as const) {
      const exact = await given.data();
      const scales = await cache[`${name}Scales`]!.data();
      const stored = await rowsOf(cache, name, [[0]]);
      for (let block = 0; block < 3; block++) {
        for (let hk = 0; hk < Hk; hk++) {
          const scale = scales[block * Hk + hk];
          let top = 0;
          for (let j = 32 * block; j < Math.min(75, 32 * block + 32); j++) {
            const row = stored.row(0, j);
            for (let d = 0; d < D; d++) {
              const x = exact[(j * Hk + hk) * D + d];
              top = Math.max(top, Math.abs(x));
              expect(Math.abs(row[hk * D + d] - x)).toBeLessThanOrEqual(0.5 * scale * (1 + 1e-5));
            }
          }
          expect(Math.abs(scale * 127 - top)).toBeLessThanOrEqual(1e-6 * top);
        }
      }
    }
  });

  test('many appends: half a scale more for every time that the scale of a block grew', async () => {
    const cache = oneEntry(64);
    const N = 60;
    const [k, v] = [await growing(N, 2, 6), await growing(N, 3, 6)];
    const steps = [1, 1, 3, 20, 2, 1, 12, 20];
    // For every number, how often its block's scale has grown since it was stored, itself included.
    const growths = { k: new Float64Array(N * Hk), v: new Float64Array(N * Hk) };
    let before: Record<'k' | 'v', Float32Array> = { k: new Float32Array(2 * Hk), v: new Float32Array(2 * Hk) };
    let at = 0;
    for (const step of steps) {
      await append(cache, await rowsFrom(k, at, at + step), await rowsFrom(v, at, at + step), at);
      const now = { k: await cache.kScales!.data(), v: await cache.vScales!.data() };
      for (const name of ['k', 'v'] as const) {
        now[name].forEach((scale, index) => expect(scale).toBeGreaterThanOrEqual(before[name][index]));
        for (let j = 0; j < at + step; j++) {
          for (let hk = 0; hk < Hk; hk++) {
            const index = Math.floor(j / 32) * Hk + hk;
            if (j >= at || now[name][index] > before[name][index]) growths[name][j * Hk + hk]++;
          }
        }
      }
      before = now;
      at += step;
    }
    expect(at).toBe(N);
    // Otherwise the bound below would be the one above.
    expect(Math.max(...growths.k)).toBeGreaterThan(4);
    for (const [name, given] of [
      ['k', k],
      ['v', v],
    ] as const) {
      const exact = await given.data();
      const stored = await rowsOf(cache, name, [[0]]);
      for (let j = 0; j < N; j++) {
        stored.row(0, j).forEach((x, n) => {
          const hk = Math.floor(n / D);
          const scale = before[name][Math.floor(j / 32) * Hk + hk];
          const allowed = 0.5 * scale * growths[name][j * Hk + hk] * (1 + 1e-5);
          expect(Math.abs(x - exact[j * Hk * D + n])).toBeLessThanOrEqual(allowed);
        });
      }
    }
  });

  // The error of out as it is stated: keys and values of standard normal numbers, so scales of about 3.3 / 127. Measured: 0.0044 and 0.0077.
  test.each([
    ['at once', 200, 0.006],
    ['a row at a time', 1, 0.01],
  ])('attention over random normal numbers, appended %s: the error as stated', async (_, step, allowed) => {
    const N = 200;
    const cache = oneEntry(N);
    const [k, v] = [flash.randn([1, N, Hk, D], { seed: 8 }), flash.randn([1, N, Hk, D], { seed: 9 })];
    for (let at = 0; at < N; at += step)
      await append(cache, await rowsFrom(k, at, at + step), await rowsFrom(v, at, at + step), at);
    const q = flash.randn([1, 1, 64, D], { seed: 10 });
    const { out } = await flash.attentionWithKvCache(q, cache, { cacheSeqlens: N });
    const truth = await flash.attention(q, k, v, { layout: 'bnhd', algorithm: 'reference' });
    const [found, exact] = [await out.data(), await truth.out.data()];
    const error = Math.max(...found.map((x, n) => Math.abs(x - exact[n])));
    expect(error).toBeLessThan(allowed);
    // It is an i8 cache, after all: were nothing rounded, this test would show nothing.
    expect(error).toBeGreaterThan(1e-4);
  });

  test('an append touches its own blocks only, and a row stored anew forgets the old scale', async () => {
    const shape = { pages: 3, rows: 100, Hk, D, Dv: D, element: 'i8' as const };
    const cache = randomCache(shape);
    const before = { k: await cache.k.data(), kScales: await cache.kScales!.data() };
    const small = flash.tensor(new Float32Array(2 * Hk * D).fill(1e-3), [1, 2, Hk, D]);
    const q = flash.randn([1, 1, H, D], { seed: 1 });
    // Rows 64 and 65 of entry 2 begin its third block of 32.
    await flash.attentionWithKvCache(q, cache, { k: small, v: small, cacheSeqlens: 64, cacheBatchIdx: [2] });
    const after = { k: await cache.k.data(), kScales: await cache.kScales!.data() };
    const changed = Array.from(after.k).flatMap((x, n) => (x === before.k[n] ? [] : [Math.floor(n / (Hk * D))]));
    expect(new Set(changed)).toEqual(new Set([264, 265]));
    after.kScales.forEach((scale, n) => {
      if (Math.floor(n / Hk) === 2 * 4 + 2) expect(scale).toBeCloseTo(1e-3 / 127, 10);
      else expect(scale).toBe(before.kScales[n]);
    });
    expect(after.k.slice(264 * Hk * D, 266 * Hk * D).every((x) => x === 127)).toBe(true);
  });

  test('rows of zeros have scale 0 and stay zero, and grow with what follows', async () => {
    const cache = oneEntry(32);
    const zeros = flash.zeros([1, 3, Hk, D]);
    const first = await append(cache, zeros, zeros, 0);
    expect((await first.out.data()).every((x) => x === 0)).toBe(true);
    expect(await cache.kScales!.data()).toEqual(new Float32Array(Hk));
    const [k, v] = [flash.randn([1, 4, Hk, D], { seed: 2 }), flash.randn([1, 4, Hk, D], { seed: 3 })];
    await append(cache, k, v, 3);
    const rows = await rowsOf(cache, 'v', [[0]]);
    expect((await keysOf(rows, 0, 3, Hk).data()).every((x) => x === 0)).toBe(true);
    const [stored, exact] = [await keysOf(rows, 0, 7, Hk).data(), await v.data()];
    exact.forEach((x, n) => expect(Math.abs(stored[3 * Hk * D + n] - x)).toBeLessThan(0.02));
  });
});
