import { checkCase } from '../src/check/check-case';
import { completeCase, type Entry } from '../src/check/case-entry';
import { type AdapterChoice, requestAdapter } from '../src/device/gpu-provider';
import * as flash from '../src/node';
import { onEachAdapter } from './support/devices';

// A device that a caller made without asking for more than WebGPU's default limits: 8 storage buffers in a kernel, 16 KiB of
// workgroup memory, 256 threads. All features at once need more buffers than that in the backward kernels.

const everything: Entry = {
  ...{ H: 4, Hk: 2, window: [20, 4], softcap: 2, alibi: 'head', dropout: 0.2 },
  ...{ bias: { axes: '1hqk', forbids: true }, mask: { axes: '11qk' } },
};

onEachAdapter('a device with default limits', () => {
  // What made the device must live as long as it.
  let choice: AdapterChoice;
  beforeAll(async () => {
    choice = await requestAdapter('auto');
    await flash.init({ adapter: await choice.adapter.requestDevice() });
  });
  afterAll(() => flash.init());

  test('is what runs here', async () => {
    expect((await flash.device()).limits).toMatchObject({ maxStorageBuffersPerShaderStage: 8 });
  });

  const cases: [string, Entry][] = [
    ['dense', { ...everything, B: 2, Nq: 45, Nk: 38 }],
    ['f16', { ...everything, Nq: 30, Nk: 45, D: 7, Dv: 12, dtype: 'f16' }],
    ['varlen', { ...everything, lengths: { q: [33, 0, 18], k: [20, 7, 40] } }],
    ['packed', { ...everything, Hk: 4, packing: 'qkv', Nq: 40 }],
    ['one key', { ...everything, Nq: 20, Nk: 1 }],
  ];
  const runs = cases.flatMap(([name, entry]) =>
    (['flash2', 'flash1', 'naive'] as const).map((algorithm) => [name, algorithm, entry] as const),
  );
  test.each(runs)(
    'all features together, %s, %s',
    async (_, algorithm, entry) => {
      const rows = await checkCase(completeCase(entry), algorithm);
      expect(rows.filter(({ ok }) => !ok)).toEqual([]);
    },
    120_000,
  );
});
