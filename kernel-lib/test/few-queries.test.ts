import { CASE_DEFAULTS, defaultScale, type CheckCase } from '../src/check/case';
import { checkCase } from '../src/check/check-case';
import { defaultDevice } from '../src/device/default-device';
import type { DeviceFacts } from '../src/device/device';
import * as flash from '../src/node';
import { onEachAdapter } from './support/devices';

// Few queries on a GPU, where the heads of a group share a tile. The kernels of a GPU run anywhere, if the device says that it is one.

const few = { ...CASE_DEFAULTS, B: 2, D: 16, Dv: 16, scale: defaultScale(16) };
const CASES: [string, CheckCase][] = [
  ['one query of eight heads over one', { ...few, H: 8, Hk: 1, Nq: 1, Nk: 70 }],
  ['more rows than a tile has', { ...few, H: 20, Hk: 2, Nq: 11, Nk: 90, causal: true }],
  ['heads of their own', { ...few, H: 3, Hk: 3, Nq: 2, Nk: 33 }],
  [
    'with everything',
    {
      ...{
        ...few,
        H: 6,
        Hk: 2,
        Nq: 5,
        Nk: 45,
        D: 7,
        Dv: 12,
        causal: true,
        window: [30, 0],
        softcap: 4,
        alibi: 'batch',
      },
      ...{
        dropout: 0.3,
        bias: { axes: 'bhqk', dtype: 'f32', forbids: true },
        mask: { axes: 'hqk', dtype: 'bool', forbids: true },
      },
    },
  ],
  ['f16', { ...few, H: 4, Hk: 2, Nq: 3, Nk: 40, dtype: 'f16' }],
];

onEachAdapter('few queries on a GPU', () => {
  let usual: DeviceFacts;
  const pretend = async (kind: DeviceFacts['kind']): Promise<void> => {
    const facts = kind === 'software' ? usual : { ...usual, kind, driver: 'some' };
    Object.assign(await defaultDevice(), { facts });
  };
  beforeAll(async () => {
    usual = (await defaultDevice()).facts;
    await pretend('hardware');
  });
  afterAll(() => pretend('software'));

  test.each(CASES)('%s', async (_, c) => {
    const rows = await checkCase(c, 'flash2');
    expect(rows.filter(({ ok }) => !ok)).toEqual([]);
  });

  test('the tile has the heads of a group, and fewer workgroups', async () => {
    const [q, k] = [flash.randn([1, 8, 1, 16], { seed: 1 }), flash.randn([1, 1, 40, 16], { seed: 2 })];
    const { info } = await flash.attention(q, k, k);
    // Sixteen rows hold two queries of each of eight heads.
    expect(info.tiles).toMatchObject({ br: 2 });
  });

  test.each([1, 3])('a cache gives what the other kernels give, in %d splits', async (numSplits) => {
    const cache = flash.kvCache({ batch: 2, kvHeads: 2, seq: 100, dim: 16, pageSize: 16 });
    const rows = flash.randn([2, 90, 2, 16], { seed: 3 });
    const q = flash.randn([2, 2, 8, 16], { seed: 4 });
    const blockTable = Array.from({ length: 2 }, (_, b) => Array.from({ length: 7 }, (_, n) => 7 * b + n));
    const attend = async (): Promise<Float32Array[]> => {
      const options = { cacheSeqlens: 90, blockTable, causal: true, numSplits };
      const { out, lse } = await flash.attentionWithKvCache(q, cache, options);
      return [await out.data(), await lse.data()];
    };
    const filler = flash.randn([2, 90, 8, 16], { seed: 5 });
    await flash.attentionWithKvCache(filler, cache, { k: rows, v: rows, cacheSeqlens: 0, blockTable });
    const packed = await attend();
    await pretend('software');
    const lanes = await attend();
    await pretend('hardware');
    for (const [n, numbers] of packed.entries()) {
      numbers.forEach((x, i) => expect(Math.abs(x - lanes[n][i])).toBeLessThan(2e-6 * (1 + Math.abs(x))));
    }
  });
});
