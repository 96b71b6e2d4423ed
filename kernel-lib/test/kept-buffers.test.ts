import { defaultDevice } from '../src/device/default-device';
import type { FlashDevice } from '../src/device/device';
import { KeptBuffers } from '../src/device/kept-buffers';
import { isOnHost, type Storage } from '../src/tensor/storage';
import * as flash from '../src/node';
import { bitsOf } from './support/close';
import { onEachAdapter } from './support/devices';
import { leftBehind } from './support/left-behind';
import { watch } from './support/faulty-device';

// Buffers that a call leaves serve the next one: nothing of what is in them may show, and what was prepared for them must fit.

/** Every buffer that is kept, full of NaN, whatever type it is read as. */
function spoil(device: FlashDevice): number {
  const { alike } = device.kept as unknown as { alike: Map<string, GPUBuffer[]> };
  const buffers = [...alike.values()].flat();
  for (const buffer of buffers) device.gpu.queue.writeBuffer(buffer, 0, new Uint8Array(buffer.size).fill(0xff));
  return buffers.length;
}

onEachAdapter('kept buffers', () => {
  type Case = [flash.Algorithm, 'f32' | 'f16', number, number, Omit<flash.AttentionOptions, 'bias'>, boolean];
  const cases: Case[] = [
    ['flash2', 'f32', 16, 16, {}, false],
    ['flash2', 'f16', 5, 3, { causal: true }, false],
    ['flash2', 'f32', 7, 9, { dropout: 0.2, seed: 3, softcap: 5 }, true],
    ['flash1', 'f16', 5, 3, {}, true],
    ['naive', 'f16', 5, 3, {}, true],
  ];
  test.each(cases)(
    '%s %s D %i Dv %i %j, bias %s: the same bits from spoilt ones',
    async (algorithm, dtype, D, Dv, more, bias) => {
      const device = await defaultDevice();
      const [B, H, N] = [2, 2, 19];
      const made = [D, D, Dv, Dv].map((width, n) => flash.randn([B, H, N, width], { seed: n + 1, dtype }));
      const [q, k, v, dout] = made;
      const both = (): Promise<Record<string, Float32Array>> =>
        flash.tidy(async () => {
          const options = { algorithm, ...more, ...(bias ? { bias: flash.randn([1, H, 1, N], { seed: 5 }) } : {}) };
          const result = await flash.attention(q, k, v, options);
          return { ...(await bitsOf(result)), ...(await bitsOf(await result.backward(dout))) };
        });
      device.kept.destroy();
      const fresh = await both();
      // The third call finds what the second prepared.
      for (let again = 0; again < 3; again++) {
        expect(spoil(device)).toBeGreaterThan(4);
        expect(await both()).toEqual(fresh);
      }
      // Other numbers in the same places of other tensors.
      const other = flash.randn([B, H, N, D], { seed: 9, dtype });
      const result = await flash.attention(other, k, v, { algorithm });
      const alone = await flash.attention(other, k, v, { algorithm: 'reference' });
      const [out, truth] = [await result.out.data(), await alone.out.data()];
      expect(out.every((x, i) => Math.abs(x - truth[i]) < (dtype === 'f16' ? 4e-3 : 1e-5))).toBe(true);
      for (const tensor of [...made, other, result, alone]) tensor.dispose();
    },
  );

  test.each(['flash2', 'flash1', 'naive'] as const)(
    '%s: nothing to attend to gives zeros, also from spoilt ones',
    async (algorithm) => {
      const device = await defaultDevice();
      const [q, none] = [flash.randn([3, 2, 16]), flash.zeros([0, 2, 16])];
      const call = { algorithm, cuSeqlensQ: [0, 0, 3], cuSeqlensK: [0, 0, 0] };
      for (let again = 0; again < 2; again++) {
        await flash.tidy(async () => {
          const result = await flash.attentionVarlen(q, none, none, call);
          expect(await result.out.data()).toEqual(new Float32Array(96));
          expect((await bitsOf(await result.backward(q))).dq).toEqual(new Float32Array(96));
        });
        spoil(device);
      }
      for (const tensor of [q, none]) tensor.dispose();
    },
  );

  test('a call that is repeated makes no buffer, and what it gave before stays', async () => {
    const device = await defaultDevice();
    const watched = watch(device);
    try {
      const x = flash.randn([1, 2, 33, 8], { seed: 1 });
      const first = await flash.attention(x, x, x);
      const kept = await first.out.data();
      const again = async (): Promise<void> => {
        const result = await flash.attention(x, x, x);
        const { dq, dk, dv } = await result.backward(x);
        for (const part of [result, dq, dk, dv]) part.dispose();
      };
      await again();
      watched.failNext(0);
      const repeated = async (): Promise<void> => {
        for (let n = 0; n < 5; n++) await again();
      };
      expect(await leftBehind(repeated)).toBe(0);
      expect(watched.made).toBe(0);
      expect(await first.out.data()).toEqual(kept);
    } finally {
      watched.stop();
    }
  });

  test('what is kept of a call does not keep the elements of tensors that were disposed of', async () => {
    const x = flash.randn([1, 2, 33, 8], { seed: 1 });
    const { storage } = x as unknown as { storage: Storage };
    const { out, lse } = await flash.attention(x, x, x);
    const buffer = x.buffer!;
    expect(isOnHost(buffer)).toBe(true);
    for (const tensor of [x, out, lse]) tensor.dispose();
    expect(storage.host).toBeNull();
    expect(isOnHost(buffer)).toBe(false);
  });

  test('tensors are brought to buffers that are kept, whatever is in them', async () => {
    const device = await defaultDevice();
    const [B, H, N, D] = [1, 2, 8, 8];
    const made = (): flash.Tensor[] => [1, 2, 3].map((seed) => flash.randn([B, H, N, D], { seed }));
    const call = async (): Promise<Record<string, Float32Array>> =>
      flash.tidy(async () => {
        const [q, k, v] = made();
        const result = await flash.attention(q, k, v);
        return { ...(await bitsOf(result)), q: await q.data() };
      });
    device.kept.destroy();
    const fresh = await call();
    const watched = watch(device);
    try {
      spoil(device);
      watched.failNext(0, ({ label }) => label === 'q' || label === 'k' || label === 'v');
      expect(await call()).toEqual(fresh);
      expect(watched.made).toBe(0);
    } finally {
      watched.stop();
    }
  });

  test('an output of flash.wgsl begins with zeros, also in a spoilt buffer', async () => {
    const device = await defaultDevice();
    const code = `@group(0) @binding(0) var<storage, read_write> y: array<f32>;
      @compute @workgroup_size(1) fn main() { y[0] += 1.0; }`;
    const watched = watch(device);
    try {
      for (let again = 0; again < 3; again++) {
        watched.failNext(0, ({ label }) => label === 'y');
        const { y } = await flash.wgsl(code, { bindings: { y: { shape: [5] } }, workgroups: 1 });
        expect([...(await y.data())]).toEqual([1, 0, 0, 0, 0]);
        expect(watched.made).toBe(again === 0 ? 1 : 0);
        y.dispose();
        spoil(device);
      }
    } finally {
      watched.stop();
    }
  });

  test('calls at once do not share what they write', async () => {
    const x = flash.randn([1, 2, 40, 8], { seed: 1 });
    const y = flash.randn([1, 2, 40, 8], { seed: 2 });
    const alone = [];
    for (const q of [x, y]) alone.push(await (await flash.attention(q, x, y)).out.data());
    const results = await Promise.all([x, y, x, y].map((q) => flash.attention(q, x, y)));
    for (const [n, { out }] of results.entries()) expect(await out.data()).toEqual(alone[n % 2]);
  });
});

describe('which buffers are kept', () => {
  let destroyed: GPUBuffer[] = [];
  beforeEach(() => (destroyed = []));

  function buffer(size: number): GPUBuffer {
    const made = { size, usage: 1, destroy: () => destroyed.push(made) } as unknown as GPUBuffer;
    return made;
  }

  const keeping = (together = 2 ** 30, rested = (): void => undefined): KeptBuffers =>
    new KeptBuffers(together, rested);

  test('of a size and usage, the one with the lowest number is taken', () => {
    const kept = keeping();
    const [a, b, c] = [buffer(16), buffer(16), buffer(16)];
    for (const one of [a, b, c]) expect(kept.give(one)).toBe(true);
    expect(kept.take(16, 2)).toBeUndefined();
    expect([kept.take(16, 1), kept.take(16, 1), kept.take(16, 1), kept.take(16, 1)]).toEqual([a, b, c, undefined]);
    for (const one of [c, a, b]) kept.give(one);
    expect(kept.take(16, 1)).toBe(a);
    kept.destroy();
    expect(destroyed).toEqual([b, c]);
    expect(kept.take(16, 1)).toBeUndefined();
  });

  const MiB = 2 ** 20;

  test('large ones and more than 64 of a size are not', () => {
    const kept = keeping();
    expect(kept.give(buffer(512 * MiB + 16))).toBe(false);
    expect(Array.from({ length: 70 }, () => kept.give(buffer(32))).filter(Boolean)).toHaveLength(64);
    expect(Array.from({ length: 20 }, () => kept.give(buffer(128 * MiB))).filter(Boolean)).toHaveLength(8);
    const small = keeping(16 * MiB);
    expect(small.give(buffer(8 * MiB + 16))).toBe(false);
    expect(Array.from({ length: 5 }, () => small.give(buffer(8 * MiB))).filter(Boolean)).toHaveLength(2);
  });

  test('a size that fills the room by itself leaves the others theirs', () => {
    const kept = keeping();
    const small = buffer(1024);
    kept.give(small);
    for (let n = 0; n < 7; n++) expect(kept.give(buffer(128 * MiB))).toBe(true);
    expect(kept.take(1024, 1)).toBe(small);
    expect(kept.give(buffer(128 * MiB))).toBe(true);
    expect(kept.give(buffer(128 * MiB))).toBe(false);
    expect(kept.bytes).toBe(2 ** 30);
    expect(destroyed).toEqual([]);
  });

  test('those of sizes that were not given for long make room', () => {
    const kept = keeping();
    const old = buffer(1024);
    const recent = Array.from({ length: 7 }, () => buffer(128 * MiB));
    const half = buffer(64 * MiB);
    for (const one of [old, ...recent, half]) expect(kept.give(one)).toBe(true);
    const half2 = buffer(64 * MiB);
    expect(kept.give(half2)).toBe(true);
    expect(destroyed).toEqual([old]);
    const other = buffer(32 * MiB);
    expect(kept.give(other)).toBe(true);
    expect(destroyed).toEqual([old, ...recent]);
    expect([kept.take(128 * MiB, 1), kept.take(64 * MiB, 1), kept.take(32 * MiB, 1)]).toEqual([undefined, half, other]);
  });

  test('all but 32 MiB go when none was given for ten seconds', () => {
    jest.useFakeTimers();
    try {
      const rested = jest.fn();
      const kept = keeping(2 ** 30, rested);
      const [large, small] = [buffer(64 * MiB), buffer(32 * MiB)];
      kept.give(large);
      jest.advanceTimersByTime(6000);
      kept.give(small);
      jest.advanceTimersByTime(9000);
      expect(destroyed).toEqual([]);
      jest.advanceTimersByTime(2000);
      expect(destroyed).toEqual([large]);
      // The next large one is not kept for ever either.
      const next = buffer(64 * MiB);
      kept.give(next);
      jest.advanceTimersByTime(11000);
      expect(destroyed).toEqual([large, next]);
      expect(rested).toHaveBeenCalledTimes(2);
      expect(kept.take(32 * MiB, 1)).toBe(small);
    } finally {
      jest.useRealTimers();
    }
  });
});
