import { NO_FEATURES, type Problem } from '../src/api/problem';
import type { DeviceFacts } from '../src/device/device';
import { UNIFORM_WORDS } from '../src/features/score';
import { chooseStreams } from '../src/kernels/flash2/choose-streams';
import { chooseTile, queryWorkgroups } from '../src/kernels/flash2/choose-tile';
import { chooseSplits } from '../src/kernels/splits/choose-splits';
import * as flash from '../src/node';
import { type Element, keysOf, randomCache, rowsOf, type Table } from './support/cache';
import { bitsOf, expectClose } from './support/close';
import { onEachAdapter } from './support/devices';

// Where rows of a cache lie: entries by number, pages by table, and that nobody copies them.

const [H, Hk, D] = [4, 2, 16];

async function expectAttention(
  result: flash.KvCacheResult,
  q: flash.Tensor,
  cache: flash.KvCache,
  table: Table,
  lengths: number[],
): Promise<void> {
  const [B, N] = q.shape;
  const [k, v] = [await rowsOf(cache, 'k', table), await rowsOf(cache, 'v', table)];
  const [out, numbers] = [await result.out.data(), await q.data()];
  for (let b = 0; b < B; b++) {
    const part = (x: Float32Array): Float32Array => x.slice((b * x.length) / B, ((b + 1) * x.length) / B);
    const own = flash.tensor(part(numbers), [1, N, H, D]);
    const [keys, values] = [k, v].map((rows) => keysOf(rows, b, lengths[b], Hk));
    const truth = await flash.attention(own, keys, values, { layout: 'bnhd', algorithm: 'reference' });
    await expectClose(`out of entry ${b}`, part(out), truth.out, 4e-6);
  }
}

onEachAdapter('places in a cache', () => {
  test('cacheBatchIdx names the entries; several may read one', async () => {
    const cache = randomCache({ pages: 5, rows: 50, Hk, D, Dv: D, element: 'f32' });
    const before = await cache.k.data();
    const q = flash.randn([3, 1, H, D], { seed: 1 });
    const reading = { cacheSeqlens: [50, 7, 31], cacheBatchIdx: Int32Array.of(4, 0, 4) };
    const read = await flash.attentionWithKvCache(q, cache, reading);
    await expectAttention(read, q, cache, [[4], [0], [4]], [50, 7, 31]);
    expect(await cache.k.data()).toEqual(before);
    const [k, v] = [2, 3].map((seed) => flash.randn([3, 2, Hk, D], { seed }));
    const options = { k, v, cacheSeqlens: [10, 48, 0], cacheBatchIdx: [3, 1, 0] };
    const written = await flash.attentionWithKvCache(q, cache, options);
    await expectAttention(written, q, cache, [[3], [1], [0]], [12, 50, 2]);
    const after = await cache.k.data();
    const row = Hk * D;
    const changed = new Set(Array.from(after).flatMap((x, n) => (x === before[n] ? [] : [Math.floor(n / row)])));
    expect(changed).toEqual(new Set([160, 161, 98, 99, 0, 1]));
  });

  test('entries share the pages of a prefix; each appends to pages of its own', async () => {
    const cache = randomCache({ pages: 7, rows: 8, Hk, D, Dv: D, element: 'f32' });
    // The first 16 rows are one prompt; unused places of a table may hold anything.
    const table = [
      [6, 2, 0],
      [6, 2, 5, 1],
      [6, 2, 3, -1, 99],
    ];
    const q = flash.randn([3, 1, H, D], { seed: 1 });
    const [k, v] = [2, 3].map((seed) => flash.randn([3, 3, Hk, D], { seed }));
    const prefix = (await cache.v.data()).slice(2 * 8 * Hk * D, 3 * 8 * Hk * D);
    const options = { k, v, cacheSeqlens: [16, 22, 20], blockTable: table };
    const result = await flash.attentionWithKvCache(q, cache, options);
    await expectAttention(result, q, cache, table, [19, 25, 23]);
    expect((await cache.v.data()).slice(2 * 8 * Hk * D, 3 * 8 * Hk * D)).toEqual(prefix);
    expect(table[2]).toEqual([6, 2, 3, -1, 99]);
  });

  test('pages in any order hold what one entry holds, bit for bit', async () => {
    const whole = flash.kvCache({ batch: 2, kvHeads: Hk, seq: 48, dim: D });
    const paged = flash.kvCache({ batch: 2, kvHeads: Hk, seq: 48, dim: D, pageSize: 16 });
    expect(paged.blockTable).toEqual([
      [0, 1, 2],
      [3, 4, 5],
    ]);
    expect([paged.k.shape, whole.k.shape]).toEqual([
      [6, 16, Hk, D],
      [2, 48, Hk, D],
    ]);
    const blockTable = [
      [5, 0, 3],
      [1, 4, 2],
    ];
    const q = flash.randn([2, 1, H, D], { seed: 1 });
    for (const [at, rows] of [
      [0, 40],
      [40, 3],
    ]) {
      const [k, v] = [2, 3].map((seed) => flash.randn([2, rows, Hk, D], { seed: seed + at }));
      const first = await flash.attentionWithKvCache(q, whole, { k, v, cacheSeqlens: at, numSplits: 1 });
      for (const table of at === 0 ? [blockTable] : [blockTable, blockTable]) {
        const second = await flash.attentionWithKvCache(q, paged, {
          k,
          v,
          cacheSeqlens: at,
          blockTable: table,
          numSplits: 1,
        });
        expect(await bitsOf(second)).toEqual(await bitsOf(first));
      }
    }
  });

  test.each<[Element, number | undefined]>([
    ['f32', undefined],
    ['f16', undefined],
    ['f16', 32],
    ['i8', 32],
  ])('%s, pages of %s rows: read where it is, no copy is made', async (dtype, pageSize) => {
    const [batch, seq] = [2, 4096];
    const cache = flash.kvCache({ batch, kvHeads: Hk, seq, dim: D, dtype, pageSize });
    const [q, k, v] = [1, 2, 3].map((seed) => flash.randn([batch, 1, seed === 1 ? H : Hk, D], { seed }));
    const { bytes } = cache.k;
    expect(bytes).toBe(batch * seq * Hk * D * { f32: 4, f16: 2, i8: 1 }[dtype]);
    const result = await flash.attentionWithKvCache(q, cache, { k, v, cacheSeqlens: 4000, numSplits: 7 });
    const scales = dtype === 'i8' ? 2 * cache.kScales!.bytes : 0;
    const small = result.info.deviceBytes - 2 * bytes - scales;
    // q, k, v, out, lse, partial results of 7 splits, a uniform block with lengths and table: nothing that is as large as the cache.
    const rows = batch * H;
    const expected = 4 * (batch * (H + 2 * Hk) * D + rows * (D + 1) * 8 + UNIFORM_WORDS);
    expect(small).toBeGreaterThanOrEqual(expected);
    expect(small).toBeLessThan(expected + 8 * 16);
    expect(small).toBeLessThan(bytes / 4);
  });

  test('an aborted call writes nothing', async () => {
    const cache = randomCache({ pages: 1, rows: 20, Hk, D, Dv: D, element: 'f32' });
    const before = await cache.k.data();
    const [q, k, v] = [1, 2, 3].map((seed) => flash.randn([1, 1, seed === 1 ? H : Hk, D], { seed }));
    const stop = new AbortController();
    const call = flash.attentionWithKvCache(q, cache, { k, v, cacheSeqlens: 3, signal: stop.signal });
    stop.abort('never mind');
    await expect(call).rejects.toBe('never mind');
    expect(await cache.k.data()).toEqual(before);
    const again = await flash.attentionWithKvCache(q, cache, { k, v, cacheSeqlens: 3 });
    await expectAttention(again, q, cache, [[0]], [4]);
  });
});

describe('how many splits are chosen', () => {
  const software: DeviceFacts = {
    ...{ kind: 'software', driver: 'lavapipe', workgroupStorage: 32768, maxInvocations: 1024, maxWorkgroups: 65535 },
    ...{ maxBinding: 2 ** 27, maxBuffer: 2 ** 28, maxStorageBuffers: 16, subgroupSize: 8 },
  };
  const hardware: DeviceFacts = { ...software, kind: 'hardware', driver: 'nvidia', subgroupSize: 32 };
  const problem = (more: Partial<Problem>): Problem => ({
    ...{ ...NO_FEATURES, B: 1, H: 8, Hk: 8, Nq: 1, Nk: 4096, D: 64, Dv: 64, scale: 0.125 },
    ...{ layout: 'bnhd', packing: 'none', dtype: 'f32' },
    ...more,
  });
  const splits = (more: Partial<Problem>, facts: DeviceFacts): number => {
    const p = problem(more);
    const tile = chooseStreams(p, facts) ?? chooseTile('forward', p, facts);
    return chooseSplits(p, queryWorkgroups(tile, p, p), tile.bc, facts);
  };

  test('one where batch and heads fill the device, or where there are few keys', () => {
    expect(splits({}, software)).toBe(1);
    expect(splits({ B: 128 }, hardware)).toBe(1);
    expect(splits({ Nk: 100 }, hardware)).toBe(1);
    expect(splits({ Nk: 0 }, hardware)).toBe(1);
  });

  test('more for one long sequence, up to 128, and never so many that a split is not worth its merge', () => {
    expect(splits({ H: 1, Hk: 1 }, software)).toBeGreaterThan(1);
    expect(splits({}, hardware)).toBeGreaterThan(1);
    expect(splits({ H: 1, Hk: 1, Nk: 2 ** 20 }, hardware)).toBe(128);
    const { bc } = chooseStreams(problem({}), hardware)!;
    for (const Nk of [500, 1000, 2000, 4000, 8000]) {
      const chosen = splits({ H: 1, Hk: 1, Nk }, hardware);
      expect(chosen === 1 || Nk / chosen > 3 * bc).toBe(true);
    }
  });

  test('a function of shape and limits alone', () => {
    const all = [software, hardware].flatMap((facts) => [100, 1000, 10000].map((Nk) => splits({ Nk }, facts)));
    expect(
      [software, hardware].flatMap((facts) => [100, 1000, 10000].map((Nk) => splits({ Nk }, { ...facts }))),
    ).toEqual(all);
  });
});
