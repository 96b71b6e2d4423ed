import { CASE_DEFAULTS, defaultScale, type CheckCase } from '../src/check/case';
import { checkCase } from '../src/check/check-case';
import { defaultDevice } from '../src/device/default-device';
import type { DeviceFacts } from '../src/device/device';
import { chooseStreams } from '../src/kernels/flash2/choose-streams';
import * as flash from '../src/node';
import { onEachAdapter } from './support/devices';

// Few queries on a GPU, where the heads of a group share a tile, or keys and values stream by eight of them at the most. The kernels of a GPU run
// anywhere, if the device says that it is one.

const few = { ...CASE_DEFAULTS, B: 2, D: 16, Dv: 16, scale: defaultScale(16) };
const everything: CheckCase = {
  ...{ ...few, H: 6, Hk: 2, Nq: 5, Nk: 45, D: 7, Dv: 12, causal: true, window: [30, 0], softcap: 4, alibi: 'batch' },
  ...{
    dropout: 0.3,
    bias: { axes: 'bhqk', dtype: 'f32', forbids: true },
    mask: { axes: 'hqk', dtype: 'bool', forbids: true },
  },
};
const wide = { ...few, D: 64, Dv: 64, scale: defaultScale(64) };
const CASES: [string, CheckCase][] = [
  ['one query of eight heads over one', { ...few, H: 8, Hk: 1, Nq: 1, Nk: 70 }],
  ['more rows than a tile has', { ...few, H: 20, Hk: 2, Nq: 11, Nk: 90, causal: true }],
  ['heads of their own', { ...few, H: 3, Hk: 3, Nq: 2, Nk: 33 }],
  ['with everything', everything],
  ['f16', { ...few, H: 4, Hk: 2, Nq: 3, Nk: 40, dtype: 'f16' }],
  ['one query, keys in parts', { ...wide, H: 2, Hk: 2, Nq: 1, Nk: 300 }],
  [
    'one query, keys in parts, f16 of rows that share words',
    { ...few, H: 2, Hk: 1, Nq: 1, Nk: 300, D: 9, Dv: 5, dtype: 'f16' },
  ],
  ['long heads of two sizes', { ...few, H: 4, Hk: 2, Nq: 4, Nk: 50, D: 128, Dv: 80, causal: true }],
  ['with everything, keys in parts', { ...everything, H: 4, Nq: 3, Nk: 200, window: [150, 0] }],
  ['one key', { ...wide, H: 1, Hk: 1, Nq: 1, Nk: 1 }],
  ['queries that see nothing', { ...few, H: 1, Hk: 1, Nq: 7, Nk: 3, causal: true }],
  [
    'sequences one behind the other',
    { ...few, B: 3, H: 4, Hk: 2, Nq: 2, Nk: 60, causal: true, lengths: { q: [2, 0, 1], k: [7, 2, 60] } },
  ],
];

onEachAdapter('few queries on a GPU', (adapter) => {
  let usual: DeviceFacts;
  let gpu: DeviceFacts;
  const take = async (facts: DeviceFacts): Promise<void> => {
    Object.assign(await defaultDevice(), { facts });
  };
  beforeAll(async () => {
    usual = (await defaultDevice()).facts;
    gpu = usual.kind === 'hardware' ? usual : { ...usual, kind: 'hardware', driver: 'some' };
    await take(gpu);
  });
  afterAll(() => take(usual));

  /** Some two queries of two heads over one, and keys for four parts; null where subgroups have no fixed size. */
  const streamed = (Nq: number): { bc: number; Nk: number } | null => {
    const sizes = { H: 2, Hk: 1, Nq, Nk: 300, D: 16, Dv: 16 };
    const t = chooseStreams({ ...sizes, dtype: 'f32', cache: undefined, sequences: null }, gpu);
    return t && { bc: t.bc, Nk: 16 * Math.max(t.bc, 16) };
  };

  test.each(CASES)('%s', async (_, c) => {
    const rows = await checkCase(c, 'flash2');
    expect(rows.filter(({ ok }) => !ok)).toEqual([]);
  });

  test('the tile has the heads of a group, and fewer workgroups', async () => {
    const [q, k] = [flash.randn([1, 8, 2, 16], { seed: 1 }), flash.randn([1, 1, 40, 16], { seed: 2 })];
    const { info } = await flash.attention(q, k, k);
    // Sixteen rows hold two queries of each of eight heads.
    expect(info.tiles).toMatchObject({ br: 2 });
  });

  test('up to eight queries take streams, and parts of the keys where there are many', async () => {
    const path = async (Nq: number, Nk: number): Promise<string> => {
      const [q, k] = [flash.randn([1, 2, Nq, 16], { seed: 1 }), flash.randn([1, 1, Nk, 16], { seed: 2 })];
      return (await flash.attention(q, k, k)).info.path;
    };
    const t = streamed(1);
    expect(await path(1, 40)).toMatch(t ? `streams 1 x ${t.bc}, 4 lanes a key (hardware)` : 'tiles 16 x');
    expect(await path(1, t?.Nk ?? 1024)).toMatch(/, \d+ splits$/);
    expect(await path(5, 40)).not.toMatch(/streams|splits/);
  });

  // Of which SwiftShader's exp2 makes Infinity.
  (adapter === 'swiftshader' ? test.skip : test)('what is not a number stays so', async () => {
    const Nk = streamed(2)?.Nk ?? 1024;
    const q = flash.randn([1, 1, 2, 16], { seed: 1 });
    const k = flash.tensor((await flash.randn([1, 1, Nk, 16], { seed: 2 }).data()).fill(NaN, 40, 41), [1, 1, Nk, 16]);
    const { out, lse, info } = await flash.attention(q, k, k);
    expect(info.path).toMatch(/ splits$/);
    expect([...(await out.data()), ...(await lse.data())].every(Number.isNaN)).toBe(true);
  });

  test.each([
    [1, 2, 'f32'],
    [3, 2, 'f32'],
    [1, 8, 'f32'],
    [3, 8, 'f16'],
    [3, 8, 'i8'],
  ] as const)(
    'a cache gives what the other kernels give: %d splits, %d query heads, %s',
    async (numSplits, heads, dtype) => {
      const cache = flash.kvCache({ batch: 2, kvHeads: 2, seq: 100, dim: 16, pageSize: 16, dtype });
      const own = { dtype: dtype === 'f16' ? dtype : ('f32' as const) };
      const rows = flash.randn([2, 90, 2, 16], { seed: 3, ...own });
      const q = flash.randn([2, 2, heads, 16], { seed: 4, ...own });
      const blockTable = Array.from({ length: 2 }, (_, b) => Array.from({ length: 7 }, (_, n) => 7 * b + n));
      const attend = async (): Promise<Float32Array[]> => {
        const options = { cacheSeqlens: 90, blockTable, causal: true, numSplits };
        const { out, lse } = await flash.attentionWithKvCache(q, cache, options);
        return [await out.data(), await lse.data()];
      };
      const filler = flash.randn([2, 90, 8, 16], { seed: 5, ...own });
      await flash.attentionWithKvCache(filler, cache, { k: rows, v: rows, cacheSeqlens: 0, blockTable });
      const packed = await attend();
      // Lane tiles, or on a GPU those of workgroup memory.
      await take(usual.kind === 'hardware' ? { ...usual, subgroupSize: 0 } : usual);
      const others = await attend();
      await take(gpu);
      for (const [n, numbers] of packed.entries()) {
        const most = own.dtype === 'f16' ? 1e-3 : 2e-6;
        numbers.forEach((x, i) => expect(Math.abs(x - others[n][i])).toBeLessThan(most * (1 + Math.abs(x))));
      }
    },
  );
});

// Of drivers on a CPU, which compile all features together.
onEachAdapter('few queries and many keys', () => {
  test.each([
    ['one query', { ...wide, H: 2, Hk: 2, Nq: 1, Nk: 300 }],
    ['four queries of f16', { ...wide, H: 4, Hk: 1, Nq: 1, Nk: 260, dtype: 'f16' }],
    ['with everything', { ...everything, B: 1, H: 4, Nq: 2, Nk: 270, window: [200, 0] }],
    ['packed', { ...few, H: 2, Hk: 2, Nq: 3, Nk: 257, packing: 'kv', causal: true }],
    ['rows side by side', { ...few, H: 2, Hk: 1, Nq: 2, Nk: 600, layout: 'bnhd' }],
  ] as [string, CheckCase][])('%s', async (_, c) => {
    const rows = await checkCase(c, 'flash2');
    expect(rows.filter(({ ok }) => !ok)).toEqual([]);
  });

  test('stream', async () => {
    const [q, k] = [flash.randn([1, 4, 1, 16], { seed: 1 }), flash.randn([1, 1, 600, 16], { seed: 2 })];
    const { facts } = await defaultDevice();
    const { path } = (await flash.attention(q, k, k)).info;
    expect(path).toMatch(facts.subgroupSize >= 4 ? /streams .*, \d splits$/ : /tiles/);
  });
});
