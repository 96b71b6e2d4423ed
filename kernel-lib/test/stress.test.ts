import { defaultDevice } from '../src/device/default-device';
import * as flash from '../src/node';
import { bitsOf } from './support/close';
import { onEachAdapter } from './support/devices';
import { watch } from './support/faulty-device';

const [B, H, Hk, D] = [2, 4, 2, 16];

type Bits = Record<string, Float32Array>;

/** Small calls of every kind, with as many features as go together: each makes its own inputs, and gives all results. */
const CALLS: ((seed: number) => Promise<object>)[] = [
  ...(['flash2', 'flash1', 'naive'] as const).map((algorithm) => async (seed: number): Promise<object> => {
    const N = 5 + (seed % 7);
    const [q, k, v, dout] = [0, 1, 2, 3].map((n) => flash.randn([B, n % 3 === 0 ? H : Hk, N, D], { seed: seed + n }));
    const result = await flash.attention(q, k, v, {
      ...{ algorithm, causal: seed % 2 === 0, window: [3, 3], softcap: seed % 3, dropout: 0.1 * (seed % 4), seed },
      bias: seed % 2 ? flash.randn([H, N, N], { seed }) : undefined,
    });
    return { ...result, ...(await result.backward(dout)) };
  }),
  async (seed) => {
    const offsets = [0, 3, 3, 3 + (seed % 5), 12];
    const [q, k, v] = [0, 1, 2].map((n) => flash.randn([12, H, D], { seed: seed + n }));
    const options = { cuSeqlensQ: offsets, cuSeqlensK: offsets, causal: true, alibiSlopes: [0.1, 0.2, 0.3, 0.4] };
    const result = await flash.attentionVarlen(q, k, v, options);
    return { ...result, ...(await result.backward(v)) };
  },
  async (seed) => {
    const result = await flash.attentionQkvPacked(flash.randn([B, 6, 3, H, D], { seed }), { dropout: 0.2, seed });
    return { ...result, ...(await result.backward(result.out)) };
  },
  async (seed) => {
    const cache = flash.kvCache({ batch: B, kvHeads: Hk, seq: 20, dim: D, pageSize: 4 });
    const [q, k, v] = [0, 1, 2].map((n) => flash.randn([B, 1, n === 0 ? H : Hk, D], { seed: seed + n }));
    const first = await flash.attentionWithKvCache(q, cache, { k, v, cacheSeqlens: seed % 9 });
    const second = await flash.attentionWithKvCache(q, cache, {
      k: v,
      v: k,
      cacheSeqlens: (seed % 9) + 1,
      numSplits: 2,
    });
    return flash.mergeAttention([first, second]);
  },
];

/** Call number n, of which nothing stays but its numbers. */
const call = (n: number): Promise<Bits> => flash.tidy(async () => bitsOf(await CALLS[n % CALLS.length](n)));

onEachAdapter('under stress', () => {
  test('1,000 calls leave the device as it was: bytes, and buffers of any kind', async () => {
    // Kernels are compiled, and what was left behind elsewhere is none of this.
    const first: Bits[] = [];
    for (let n = 0; n < 12; n++) first.push(await call(n));
    const device = await defaultDevice();
    const watched = watch(device);
    try {
      const { bytes } = device;
      for (let n = 0; n < 1000; n++) {
        if (n % 100 < 12) expect({ n, bits: await call(n % 12) }).toEqual({ n, bits: first[n % 12] });
        else await flash.tidy(async () => void (await CALLS[n % CALLS.length](n % 12)));
        if (n % 50 === 0) expect([n, device.bytes, watched.live()]).toEqual([n, bytes, 0]);
      }
      expect([device.bytes, watched.live()]).toEqual([bytes, 0]);
    } finally {
      watched.stop();
    }
  });

  test.each([2, 10])('%d calls at once give what each gives alone', async (count) => {
    const alone: Bits[] = [];
    for (let n = 0; n < count; n++) alone.push(await call(n));
    const together = await Promise.all(alone.map((_, n) => call(n)));
    expect(together).toEqual(alone);
  });

  describe('a long call that is aborted', () => {
    const N = 700;
    const input = (seed: number): flash.Tensor => flash.randn([1, 8, N, D], { seed });
    const rows = (seed: number): flash.Tensor => flash.randn([N, 8, D], { seed });
    const steering = () => {
      const stop = new AbortController();
      const fractions: number[] = [];
      const onProgress = (fraction: number): void => {
        fractions.push(fraction);
        stop.abort('enough');
      };
      return { fractions, options: { signal: stop.signal, onProgress } };
    };
    const features = { softcap: 5, dropout: 0.1, seed: 1 };

    test.each(['flash2', 'flash1', 'naive', 'reference'] as const)('%s, forward and backward', async (algorithm) => {
      const [q, k, v] = [input(1), input(2), input(3)];
      const short = { ...features, algorithm, window: [2, 0] as const };
      const before = await flash.attention(q, k, v, short);
      const expected = await bitsOf(before);
      const whole = await flash.attention(q, k, v, {
        ...features,
        algorithm,
        window: algorithm === 'reference' ? [9, 0] : undefined,
      });
      // dout comes to the device, too.
      (await before.backward(v)).dq.dispose();
      const device = await defaultDevice();
      const watched = watch(device);
      const { bytes } = device;
      const forward = steering();
      await expect(flash.attention(q, k, v, { ...features, algorithm, ...forward.options })).rejects.toBe('enough');
      const backward = steering();
      await expect(whole.backward(v, backward.options)).rejects.toBe('enough');
      // It stopped where it was told to, and nothing was left.
      expect([forward.fractions.length, backward.fractions.length]).toEqual([1, 1]);
      expect(device.bytes).toBeLessThanOrEqual(bytes);
      expect(watched.live()).toBe(0);
      watched.stop();
      expect(await bitsOf(await flash.attention(q, k, v, short))).toEqual(expected);
    });

    test('varlen', async () => {
      const [q, k, v] = [rows(1), rows(2), rows(3)];
      const { fractions, options } = steering();
      const offsets = [0, N];
      const varlen = flash.attentionVarlen(q, k, v, {
        ...features,
        ...options,
        cuSeqlensQ: offsets,
        cuSeqlensK: offsets,
      });
      await expect(varlen).rejects.toBe('enough');
      expect(fractions).toHaveLength(1);
      const after = await flash.attentionVarlen(q, k, v, { cuSeqlensQ: offsets, cuSeqlensK: offsets, window: [2, 0] });
      expect((await after.out.data()).every(Number.isFinite)).toBe(true);
    });
  });

  // Last: every loss means another device, and kernels compiled anew.
  test('a device lost in a varlen call', async () => {
    const [q, k, v] = [1, 2, 3].map((seed) => flash.randn([900, 8, D], { seed }));
    const options = { cuSeqlensQ: [0, 500, 900], cuSeqlensK: [0, 500, 900] };
    const lost = await defaultDevice();
    const running = flash.attentionVarlen(q, k, v, { ...options, onProgress: () => lost.gpu.destroy() });
    await expect(running).rejects.toMatchObject({ name: 'FlashError', code: 'DEVICE_LOST' });
    const again = await flash.attentionVarlen(q, k, v, { ...options, window: [4, 0] });
    expect(await defaultDevice()).not.toBe(lost);
    expect((await again.out.data()).every(Number.isFinite)).toBe(true);
  });

  test('a device lost in a call over a cache: what was only there is refused, a new cache works', async () => {
    const cache = flash.kvCache({ batch: 1, kvHeads: 8, seq: 64, dim: D });
    const row = flash.randn([1, 1, 8, D], { seed: 1 });
    await flash.attentionWithKvCache(row, cache, { k: row, v: row, cacheSeqlens: 0 });
    const lost = await defaultDevice();
    const onProgress = (): void => lost.gpu.destroy();
    const running = flash.attentionWithKvCache(row, cache, { k: row, v: row, cacheSeqlens: 1, onProgress });
    await expect(running).rejects.toMatchObject({ code: 'DEVICE_LOST' });
    await expect(flash.attentionWithKvCache(row, cache, { cacheSeqlens: 1 })).rejects.toMatchObject({
      code: 'DEVICE_LOST',
      message: expect.stringMatching(/^cache\.k: expected a tensor of the current device/),
    });
    await expect(cache.k.data()).rejects.toMatchObject({ code: 'DEVICE_LOST' });
    const fresh = flash.kvCache({ batch: 1, kvHeads: 8, seq: 64, dim: D });
    const { out } = await flash.attentionWithKvCache(row, fresh, { k: row, v: row, cacheSeqlens: 0 });
    expect(await out.data()).toEqual(await row.data());
  });
});
