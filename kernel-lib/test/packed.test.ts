import * as flash from '../src/node';
import { bitsOf, expectAllClose } from './support/close';
import { onEachAdapter } from './support/devices';

const [B, N, Nk, H, Hk] = [2, 21, 13, 4, 2];

/** Features that make every address count. */
const features = (Nkeys: number): flash.AttentionOptions => ({
  ...{ causal: true, softcap: 4, dropout: 0.2, seed: 3, alibiSlopes: [0.1, 0.2, 0.05, 0.4] },
  bias: flash.randn([1, H, N, Nkeys], { seed: 5 }),
  mask: flash.tensor(
    Array.from({ length: B * Nkeys }, (_, j) => j % 5 !== 3),
    [B, 1, 1, Nkeys],
    { dtype: 'bool' },
  ),
});

/** The n-th of `parts` tensors (B,N,heads,D) that lie side by side in (B,N,parts,heads,D). */
function part(packed: Float32Array, n: number, parts: number, width: number): Float32Array {
  const rows = packed.length / parts / width;
  const result = new Float32Array(rows * width);
  for (let row = 0; row < rows; row++) {
    result.set(packed.subarray((row * parts + n) * width, (row * parts + n + 1) * width), row * width);
  }
  return result;
}

/** Rows of halves of odd length share words with their neighbours, here of other operands; features make no difference to that. */
const KINDS: { algorithm: flash.Algorithm; dtype: flash.FloatDType; D: number; plain?: boolean }[] = [
  { algorithm: 'flash2', dtype: 'f32', D: 16 },
  { algorithm: 'flash2', dtype: 'f16', D: 5, plain: true },
  { algorithm: 'flash1', dtype: 'f32', D: 16 },
  { algorithm: 'flash1', dtype: 'f16', D: 5, plain: true },
  { algorithm: 'naive', dtype: 'f32', D: 16 },
  { algorithm: 'reference', dtype: 'f32', D: 5 },
];

onEachAdapter('packed calls', () => {
  test.each(KINDS)(
    'qkv with $algorithm, $dtype, D $D: the same bits as three tensors',
    async ({ algorithm, dtype, D, plain }) => {
      const qkv = flash.randn([B, N, 3, H, D], { seed: 1, dtype });
      const numbers = await qkv.data();
      const [q, k, v] = [0, 1, 2].map((n) => flash.tensor(part(numbers, n, 3, H * D), [B, N, H, D], { dtype }));
      const dout = flash.randn([B, N, H, D], { seed: 9, dtype });
      const options = { ...(plain ? { causal: true } : features(N)), algorithm };
      const packed = await flash.attentionQkvPacked(qkv, options);
      const apart = await flash.attention(q, k, v, { ...options, layout: 'bnhd' });
      expect(await bitsOf(packed)).toEqual(await bitsOf(apart));
      expect(packed.seed).toBe(plain ? undefined : 3);
      const [ofPacked, ofApart] = [await packed.backward(dout), await apart.backward(dout)];
      const { dqkv, dbias } = await bitsOf(ofPacked);
      const expected = await bitsOf(ofApart);
      expect(ofPacked.dqkv.shape).toEqual(qkv.shape);
      expect(ofPacked.dqkv.dtype).toBe(dtype);
      expect(part(dqkv, 0, 3, H * D)).toEqual(expected.dq);
      expect(part(dqkv, 1, 3, H * D)).toEqual(expected.dk);
      expect(part(dqkv, 2, 3, H * D)).toEqual(expected.dv);
      expect(dbias).toEqual(expected.dbias);
    },
  );

  test.each(KINDS)(
    'kv with $algorithm, $dtype, D $D: the same bits as two tensors',
    async ({ algorithm, dtype, D, plain }) => {
      const q = flash.randn([B, N, H, D], { seed: 1, dtype });
      const kv = flash.randn([B, Nk, 2, Hk, D], { seed: 2, dtype });
      const numbers = await kv.data();
      const [k, v] = [0, 1].map((n) => flash.tensor(part(numbers, n, 2, Hk * D), [B, Nk, Hk, D], { dtype }));
      const dout = flash.randn([B, N, H, D], { seed: 9, dtype });
      const options = { ...(plain ? { causal: true } : features(Nk)), algorithm };
      const packed = await flash.attentionKvPacked(q, kv, options);
      const apart = await flash.attention(q, k, v, { ...options, layout: 'bnhd' });
      expect(await bitsOf(packed)).toEqual(await bitsOf(apart));
      const { dq, dkv, dbias } = await bitsOf(await packed.backward(dout));
      const expected = await bitsOf(await apart.backward(dout));
      expect({ dq, dbias }).toEqual({ dq: expected.dq, dbias: expected.dbias });
      expect(part(dkv, 0, 2, Hk * D)).toEqual(expected.dk);
      expect(part(dkv, 1, 2, Hk * D)).toEqual(expected.dv);
    },
  );

  test('no copy is made: the buffers that take part are those of three tensors', async () => {
    const D = 16;
    const qkv = flash.randn([B, N, 3, H, D], { seed: 1 });
    const [q, k, v] = [2, 3, 4].map((seed) => flash.randn([B, N, H, D], { seed }));
    const dout = flash.randn([B, N, H, D], { seed: 5 });
    const packed = await flash.attentionQkvPacked(qkv);
    const apart = await flash.attention(q, k, v, { layout: 'bnhd' });
    expect(packed.info.deviceBytes).toBe(apart.info.deviceBytes);
    const [ofPacked, ofApart] = [await packed.backward(dout), await apart.backward(dout)];
    expect(ofPacked.info.deviceBytes).toBe(ofApart.info.deviceBytes);
    const kv = flash.randn([B, N, 2, H, D], { seed: 6 });
    const halfPacked = await flash.attentionKvPacked(q, kv);
    expect(halfPacked.info.deviceBytes).toBe(apart.info.deviceBytes);
    expect((await halfPacked.backward(dout)).info.deviceBytes).toBe(ofApart.info.deviceBytes);
  });

  test('the tensor that holds q, k and v is not changed, and a second backward gives the same', async () => {
    const qkv = flash.randn([B, N, 3, H, 16], { seed: 1 });
    const before = await qkv.data();
    const dout = flash.randn([B, N, H, 16], { seed: 5 });
    const result = await flash.attentionQkvPacked(qkv, { window: [4, 2] });
    const first = await result.backward(dout);
    await expectAllClose(await result.backward(dout), first, 0);
    expect(await qkv.data()).toEqual(before);
  });

  test.each<[string, () => Promise<unknown>, string, RegExp]>([
    ['four axes', () => flash.attentionQkvPacked(flash.zeros([2, 3, 3, 8])), 'SHAPE', /^qkv: expected 5 axes/],
    ['two parts', () => flash.attentionQkvPacked(flash.zeros([2, 3, 2, 4, 8])), 'SHAPE', /^qkv: .*\(2,3,3,4,8\)/],
    ['no heads', () => flash.attentionQkvPacked(flash.zeros([2, 3, 3, 0, 8])), 'SHAPE', /^qkv: .*at least 1/],
    ['bytes', () => flash.attentionQkvPacked(flash.zeros([2, 3, 3, 4, 8], { dtype: 'i8' })), 'DTYPE', /^q.*'i8'/],
    [
      'a layout',
      () => flash.attentionQkvPacked(flash.zeros([2, 3, 3, 4, 8]), { layout: 'bhnd' } as never),
      'INVALID_ARGUMENT',
      /^layout: no such option/,
    ],
    [
      'three parts for kv',
      () => flash.attentionKvPacked(flash.zeros([2, 3, 4, 8]), flash.zeros([2, 5, 3, 4, 8])),
      'SHAPE',
      /^kv: .*\(2,5,2,4,8\)/,
    ],
    [
      'another batch',
      () => flash.attentionKvPacked(flash.zeros([2, 3, 4, 8]), flash.zeros([3, 5, 2, 4, 8])),
      'SHAPE',
      /^kv: /,
    ],
    [
      'another dtype',
      () => flash.attentionKvPacked(flash.zeros([2, 3, 4, 8]), flash.zeros([2, 5, 2, 4, 8], { dtype: 'f16' })),
      'DTYPE',
      /^kv: /,
    ],
    [
      'heads that do not divide',
      () => flash.attentionKvPacked(flash.zeros([2, 3, 4, 8]), flash.zeros([2, 5, 2, 3, 8])),
      'SHAPE',
      /heads/,
    ],
  ])('%s: refused by name', async (_, call, code, message) => {
    await expect(call()).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  });
});
