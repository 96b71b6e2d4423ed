import { defaultDevice } from '../src/device/default-device';
import type { FlashDevice } from '../src/device/device';
import { STORAGE } from '../src/device/gpu-constants';
import * as flash from '../src/node';
import { bitsOf } from './support/close';
import { onEachAdapter } from './support/devices';
import { watch, type Watched } from './support/faulty-device';

// Memory that is not there: the error says how much was asked for and what there is, nothing that was taken stays, and the device goes on.

const [B, H, N, D] = [2, 2, 24, 16];

onEachAdapter('out of memory', () => {
  let device: FlashDevice;
  let watched: Watched;
  let inputs: flash.Tensor[];

  beforeAll(async () => {
    device = await defaultDevice();
    watched = watch(device);
    inputs = [1, 2, 3, 4].map((seed) => flash.randn([B, H, N, D], { seed }));
  });
  afterEach(() => watched.failNext(0));
  afterAll(() => watched.stop());

  /** Lets a call make all of its buffers anew, of which the n-th `matching` one fails. */
  function failNext(n: number, matching?: (descriptor: GPUBufferDescriptor) => boolean): void {
    device.kept.destroy();
    watched.failNext(n, matching);
  }

  /** A call with everything that takes memory: features, scratch and, for gradients, sums. */
  async function both(algorithm: flash.Algorithm): Promise<Record<string, Float32Array>> {
    const [q, k, v, dout] = inputs;
    return flash.tidy(async () => {
      const bias = flash.randn([1, H, 1, N], { seed: 5 });
      const options = { algorithm, bias, dropout: 0.1, seed: 1, alibiSlopes: [0.1, 0.2], causal: true };
      const result = await flash.attention(q, k, v, options);
      return { ...(await bitsOf(result)), ...(await bitsOf(await result.backward(dout))) };
    });
  }

  test.each(['flash2', 'flash1', 'naive'] as const)(
    '%s: whichever buffer fails, forward or backward',
    async (algorithm) => {
      const isTensor = ({ usage }: GPUBufferDescriptor): boolean => (usage & STORAGE) !== 0;
      // The first call brings the inputs to the device.
      const whole = await both(algorithm);
      failNext(0, isTensor);
      await both(algorithm);
      const buffers = watched.made;
      expect(buffers).toBeGreaterThan(8);
      const [bytes, before] = [device.bytes, watched.live()];
      for (let n = 1; n <= buffers; n++) {
        failNext(n, isTensor);
        const message = await both(algorithm).then(
          () => 'it went on',
          (error: flash.FlashError) => `${error.name} ${error.code} ${error.message}`,
        );
        expect(message).toMatch(
          /^FlashError OUT_OF_MEMORY \w+: no device memory for \d+ bytes on .+: a buffer may have \d+ bytes, \d+ are in use\.$/,
        );
        expect({ n, bytes: device.bytes, live: watched.live() }).toEqual({ n, bytes, live: before });
      }
      failNext(0);
      expect(await both(algorithm)).toEqual(whole);
      expect({ bytes: device.bytes, live: watched.live() }).toEqual({ bytes, live: before });
    },
  );

  test.each(['flash2', 'naive'] as const)('%s: what is kept for later calls makes room', async (algorithm) => {
    const whole = await both(algorithm);
    failNext(0);
    await both(algorithm);
    const buffers = watched.made;
    const [bytes, before] = [device.bytes, watched.live()];
    for (let n = 1; n <= buffers; n++) {
      failNext(0);
      device.free(await device.allocate(50_000, 'kept'));
      watched.failNext(n, undefined, 1);
      // The buffers of uniforms and readbacks also fail.
      expect({ n, ...(await both(algorithm)) }).toEqual({ n, ...whole });
      expect({ n, bytes: device.bytes, live: watched.live() }).toEqual({ n, bytes, live: before });
    }
  });

  test('reading back: the error says what was asked for, and a second try works', async () => {
    // Larger than what comes back along with the call.
    const shape = [1, 2, 600, 16];
    const q = flash.randn(shape, { seed: 1 });
    const result = await flash.attention(q, q, q);
    const { out } = result;
    const before = watched.live();
    failNext(1);
    await expect(out.data()).rejects.toMatchObject({
      ...{ name: 'FlashError', code: 'OUT_OF_MEMORY' },
      message: expect.stringMatching(/^readback: no device memory for 76800 bytes .* in use\.$/),
    });
    failNext(0);
    expect(watched.live()).toBe(before);
    expect((await out.data()).every(Number.isFinite)).toBe(true);
    // What is collected during a later test would change its count.
    for (const tensor of [q, result]) tensor.dispose();
  });

  test('a cache and a merge', async () => {
    const cache = flash.kvCache({ batch: B, kvHeads: H, seq: 64, dim: D });
    const row = flash.randn([B, 1, H, D], { seed: 1 });
    const append = (cacheSeqlens: number) =>
      flash.tidy(async () => {
        const options = { k: row, v: row, cacheSeqlens, numSplits: 3 };
        const part = await flash.attentionWithKvCache(row, cache, options);
        return bitsOf(await flash.mergeAttention([part, part]));
      });
    const first = await append(0);
    const [bytes, before] = [device.bytes, watched.live()];
    failNext(0);
    await append(0);
    const buffers = watched.made;
    for (let n = 1; n <= buffers; n++) {
      failNext(n, ({ usage }) => (usage & STORAGE) !== 0);
      await append(0).catch((error: flash.FlashError) => expect(error.code).toBe('OUT_OF_MEMORY'));
      expect({ n, bytes: device.bytes, live: watched.live() }).toEqual({ n, bytes, live: before });
    }
    failNext(0);
    expect(await append(0)).toEqual(first);
    for (const tensor of [cache.k, cache.v, row]) tensor.dispose();
  });

  test('more than a buffer may hold: refused with what was asked and what there is, before anything is made', async () => {
    const [q, k, v] = inputs;
    (await flash.attention(q, k, v)).dispose();
    const { facts } = device;
    const [bytes, before] = [device.bytes, watched.live()];
    Object.assign(device, { facts: { ...facts, maxBuffer: 4096 } });
    try {
      await expect(flash.attention(q, k, v)).rejects.toMatchObject({
        code: 'OUT_OF_MEMORY',
        message: expect.stringMatching(
          /^out: no device memory for 6144 bytes .* a buffer may have 4096 bytes, \d+ are in use\.$/,
        ),
      });
    } finally {
      Object.assign(device, { facts });
    }
    expect({ bytes: device.bytes, live: watched.live() }).toEqual({ bytes, live: before });
  });

  test('a score matrix larger than the device: naive tells a way out, flash2 takes it', async () => {
    const long = 60_000;
    const [q, k] = [flash.randn([1, 1, long, D], { seed: 1 }), flash.randn([1, 1, long, D], { seed: 2 })];
    const { bytes } = device;
    await expect(flash.attention(q, k, k, { algorithm: 'naive' })).rejects.toMatchObject({
      code: 'OUT_OF_MEMORY',
      message: expect.stringMatching(
        /^scores: expected at most \d+ bytes .* got 14400000000\. 'flash2' needs no score matrix\.$/,
      ),
    });
    expect(device.bytes).toBeGreaterThanOrEqual(bytes);
    const window = await flash.attention(q, k, k, { window: [3, 0] });
    expect((await window.lse.data()).every(Number.isFinite)).toBe(true);
  });
});
