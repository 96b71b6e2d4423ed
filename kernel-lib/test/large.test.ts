import { defaultDevice } from '../src/device/default-device';
import type { DeviceFacts, FlashDevice } from '../src/device/device';
import * as flash from '../src/node';
import { bitsOf, expectAllClose, expectClose } from './support/close';
import { onEachAdapter } from './support/devices';

const ALGORITHMS = ['flash2', 'flash1', 'naive'] as const;
const D = 8;

/** Rows `chosen` of the first axis. */
async function pick(t: flash.Tensor, chosen: readonly number[]): Promise<Float32Array> {
  const [numbers, width] = [await t.data(), t.size / t.shape[0]];
  return Float32Array.from(chosen.flatMap((n) => Array.from(numbers.subarray(n * width, (n + 1) * width))));
}

onEachAdapter('large and odd', (adapter) => {
  describe.each([
    ['batch', 1],
    ['batch and head', 2],
  ])('more heads than a dispatch has workgroups, by %s', (_, H) => {
    const B = 70_000 / H;
    const chosen = [0, 1, B / 2, Math.ceil(65_535 / H) - 1, Math.ceil(65_535 / H), B - 1];
    const make = (heads: number, rows: number, seed: number): flash.Tensor =>
      flash.randn([B, heads, rows, D], { seed });
    const few = async (t: flash.Tensor): Promise<flash.Tensor> =>
      flash.tensor(await pick(t, chosen), [chosen.length, ...t.shape.slice(1)]);

    test.each(ALGORITHMS)('%s', async (algorithm) => {
      expect(B * H).toBeGreaterThan((await defaultDevice()).facts.maxWorkgroups);
      const inputs = [make(H, 1, 1), make(1, 2, 2), make(1, 2, 3)] as const;
      const dout = make(H, 1, 4);
      // Tiles as large as FlashAttention-1 takes them would be nearly empty here.
      const result = await flash.attention(...inputs, { algorithm, tiles: { br: 1, bc: 4 } });
      const gradients = await result.backward(dout);
      const [q, k, v] = [await few(inputs[0]), await few(inputs[1]), await few(inputs[2])];
      const truth = await flash.attention(q, k, v, { algorithm: 'reference' });
      const expected = await truth.backward(await few(dout));
      await expectClose('out', await pick(result.out, chosen), truth.out);
      await expectClose('lse', await pick(result.lse, chosen), truth.lse);
      for (const name of ['dq', 'dk', 'dv'] as const) {
        await expectClose(name, await pick(gradients[name], chosen), expected[name]);
      }
    });
  });

  describe('tensors beyond a binding, which is pretended to be small', () => {
    let device: FlashDevice;
    let facts: DeviceFacts;
    beforeAll(async () => {
      device = await defaultDevice();
      facts = device.facts;
    });
    const pretend = (maxBinding: number): void => void Object.assign(device, { facts: { ...facts, maxBinding } });
    afterEach(() => Object.assign(device, { facts }));

    const [B, H, Hk, Nq, Nk] = [3, 4, 2, 40, 37];
    const cuSeqlensQ = [0, Nq, Nq, 2 * Nq + 9, 3 * Nq];
    const cuSeqlensK = [0, Nk - 5, Nk - 3, 2 * Nk, 3 * Nk];
    type Call = 'bhnd' | 'bnhd' | 'varlen' | 'qkv' | 'kv' | 'varlen kv';

    /** One call and its backward: what it gives, and in how many dispatches. */
    async function both(call: Call, algorithm: flash.Algorithm, dtype: flash.FloatDType) {
      const batch = call.startsWith('varlen') ? 4 : B;
      const rows = (heads: number, N: number, seed: number): flash.Tensor => {
        if (call.startsWith('varlen')) return flash.randn([B * N, heads, D], { seed, dtype });
        return flash.randn(call === 'bhnd' ? [B, heads, N, D] : [B, N, heads, D], { seed, dtype });
      };
      const q = rows(H, Nq, 1);
      const [k, v] = [rows(Hk, Nk, 2), rows(Hk, Nk, 3)];
      const shared = {
        ...{ algorithm, window: [20, 9] as const, dropout: 0.2, seed: 3 },
        alibiSlopes: Array.from({ length: batch }, (_, b) => [0.1 * b, 0.2, 0.3, 0]),
      };
      const [maxQ, maxK] = call === 'varlen' ? [Nq + 9, Nk + 3] : [Nq, Nk];
      const operands = { bias: flash.randn([batch, H, maxQ, maxK], { seed: 5 }) };
      const lengths = { cuSeqlensQ, cuSeqlensK };
      const qkv = flash.randn([B, Nq, 3, H, D], { seed: 6, dtype });
      const kv = flash.randn([B, Nk, 2, Hk, D], { seed: 7, dtype });
      const totalKv = flash.randn([B * Nk, 2, Hk, D], { seed: 7, dtype });
      const { dropout, window: windowSize, alibiSlopes, seed } = shared;
      const result = await {
        bhnd: () => flash.attention(q, k, v, { ...shared, ...operands }),
        bnhd: () => flash.attention(q, k, v, { ...shared, ...operands, layout: 'bnhd' }),
        varlen: () => flash.attentionVarlen(q, k, v, { ...shared, ...operands, ...lengths }),
        qkv: () => flash.attentionQkvPacked(qkv, shared),
        kv: () => flash.attentionKvPacked(q, kv, shared),
        'varlen kv': () =>
          flash.compat.flashAttnVarlenKvpackedFunc(q, totalKv, {
            ...lengths,
            dropoutP: dropout,
            windowSize,
            alibiSlopes,
            seed,
          }),
      }[call]();
      const dout = flash.randn(result.out.shape, { seed: 4, dtype });
      const gradients = await (result.backward as (dout: flash.Tensor) => Promise<object>)(dout);
      return { ...(await bitsOf(result)), ...(await bitsOf(gradients)) };
    }

    // Bytes of a binding: enough for a batch entry, or only for a key/value head and its query heads.
    test.each([
      ['bhnd', 'flash2', 'f32', 26_000],
      ['bhnd', 'flash2', 'f32', 13_000],
      ['bhnd', 'flash2', 'f16', 13_000],
      ['bnhd', 'flash2', 'f32', 26_000],
      ['varlen', 'flash2', 'f32', 40_000],
      ['qkv', 'flash2', 'f32', 16_000],
      ['kv', 'flash2', 'f32', 6000],
      ['varlen kv', 'flash2', 'f32', 9000],
      ['bhnd', 'flash1', 'f32', 13_000],
      ['varlen', 'flash1', 'f16', 40_000],
      ['qkv', 'flash1', 'f32', 16_000],
      ['bhnd', 'naive', 'f32', 14_000],
      ['varlen', 'naive', 'f32', 40_000],
    ] as const)(
      '%s, %s, %s, bindings of %d bytes: the bits of a call in one piece',
      async (call, algorithm, dtype, most) => {
        const whole = await both(call, algorithm, dtype);
        expect(Math.max(...Object.values(whole).map((numbers) => numbers.byteLength))).toBeGreaterThan(most);
        pretend(most);
        const parts = await both(call, algorithm, dtype);
        expect(parts).toEqual(whole);
      },
    );

    test('a bias that all share: its gradient is summed over the parts', async () => {
      const [q, k, v, dout] = [1, 2, 3, 4].map((seed) => flash.randn([B, H, Nq, D], { seed }));
      const bias = flash.randn([Nq, Nq], { seed: 5 });
      const run = async () => (await flash.attention(q, k, v, { bias })).backward(dout);
      const whole = await run();
      pretend(8000);
      await expectAllClose(await run(), whole);
    });

    test('one head that no binding holds is refused: what, how much, and how much there is', async () => {
      pretend(4096);
      const long = flash.randn([1, 1, 200, D]);
      await expect(flash.attention(long, long, long)).rejects.toMatchObject({
        code: 'OUT_OF_MEMORY',
        message: expect.stringMatching(/^q: expected at most 4096 bytes .* got \d+\. .*bhnd/),
      });
    });

    if (adapter === 'lavapipe') {
      // Its bindings have 128 MiB, so there it can be had in earnest.
      test('q, out and their gradients of 140 MiB each', async () => {
        const [heads, N] = [5, 920_000];
        const numbers = Float32Array.from({ length: heads * N * D }, (_, n) => ((n % 1009) - 504) / 400);
        const q = flash.tensor(numbers, [1, heads, N, D]);
        expect(q.bytes).toBeGreaterThan(facts.maxBinding);
        const [k, v] = [flash.randn([1, heads, 3, D], { seed: 2 }), flash.randn([1, heads, 3, D], { seed: 3 })];
        const result = await flash.attention(q, k, v);
        const { dq } = await result.backward(result.out);
        const [out, lse, gradient] = [await result.out.data(), await result.lse.data(), await dq.data()];
        // Rows at the ends of heads and in between.
        const rows = Array.from({ length: heads }, (_, h) => [0, 1, 12_345 * (h + 1), N - 1]);
        const of = (x: Float32Array, width: number): Float32Array =>
          Float32Array.from(
            rows.flatMap((own, h) =>
              own.flatMap((i) => Array.from(x.subarray((h * N + i) * width, (h * N + i + 1) * width))),
            ),
          );
        const few = flash.tensor(of(numbers, D), [1, heads, 4, D]);
        const truth = await flash.attention(few, k, v, { algorithm: 'reference' });
        await expectClose('out', of(out, D), truth.out);
        await expectClose('lse', of(lse, 1), truth.lse);
        await expectClose('dq', of(gradient, D), (await truth.backward(truth.out)).dq);
        for (const t of [q, k, v, dq, result]) t.dispose();
      });
    }
  });

  test('more slopes than a uniform block holds', async () => {
    const heads = 4200;
    const [q, k, v] = [1, 2, 3].map((seed) => flash.randn([1, heads, 3, D], { seed }));
    const alibiSlopes = Array.from({ length: heads }, (_, h) => (h % 50) / 25);
    const [result, truth] = await Promise.all([
      flash.attention(q, k, v, { alibiSlopes }),
      flash.attention(q, k, v, { alibiSlopes, algorithm: 'reference' }),
    ]);
    await expectAllClose(result, truth);
    await expectAllClose(await result.backward(q), await truth.backward(q));
  });
});
