import * as flash from '../src/node';
import { bitsOf, expectAllClose, expectClose } from './support/close';
import { onEachAdapter } from './support/devices';

const [B, H, Nq, Nk, D] = [2, 3, 9, 40, 16];

interface Part {
  out: Float32Array;
  lse: Float32Array;
}

/** The merge in float64, by the sum over parts of exp(lse) out. */
function merged(parts: Part[], Dv: number, rowOf: (lseIndex: number) => number): { out: number[]; lse: number[] } {
  const out = new Array<number>(parts[0].out.length).fill(0);
  const lse = Array.from(parts[0].lse, (_, row) => {
    const top = Math.max(...parts.map((part) => part.lse[row]));
    if (top === -Infinity) return -Infinity;
    const weights = parts.map((part) => Math.exp(part.lse[row] - top));
    const sum = weights.reduce((a, b) => a + b);
    for (let d = 0; d < Dv; d++) {
      const at = rowOf(row) * Dv + d;
      out[at] = parts.reduce((total, part, n) => total + (weights[n] ? weights[n] * part.out[at] : 0), 0) / sum;
    }
    return top + Math.log(sum);
  });
  return { out, lse };
}

/** Keys begin .. end of (B,H,N,D). */
async function keys(t: flash.Tensor, begin: number, end: number): Promise<flash.Tensor> {
  const [, , N, width] = t.shape;
  const numbers = (await t.data()).filter((_, n) => {
    const j = Math.floor(n / width) % N;
    return begin <= j && j < end;
  });
  return flash.tensor(numbers, [t.shape[0], t.shape[1], end - begin, width], { dtype: t.dtype });
}

onEachAdapter('mergeAttention', () => {
  const input = (n: number, seed: number): flash.Tensor => flash.randn([B, H, n, D], { seed });
  const [q, k, v] = [input(Nq, 1), input(Nk, 2), input(Nk, 3)];
  const only = (begin: number, end: number): flash.Tensor =>
    flash.tensor(
      Array.from({ length: Nk }, (_, j) => begin <= j && j < end),
      [Nk],
      { dtype: 'bool' },
    );

  test('attention over parts of the keys, empty ones too, is attention over all of them', async () => {
    const whole = await flash.attention(q, k, v, { algorithm: 'reference' });
    const parts: flash.AttentionPart[] = [];
    for (const [begin, end] of [
      [0, 0],
      [0, 7],
      [7, 8],
      [8, 8],
      [8, 33],
      [33, 40],
    ]) {
      parts.push(
        begin === end
          ? await flash.attention(q, k, v, { mask: only(0, 0) })
          : await flash.attention(q, await keys(k, begin, end), await keys(v, begin, end)),
      );
    }
    const all = await flash.mergeAttention(parts);
    await expectAllClose({ out: all.out, lse: all.lse }, { out: whole.out, lse: whole.lse });
    await expectAllClose(await flash.mergeAttention(parts.slice().reverse()), all);
    const again = await flash.mergeAttention(parts);
    expect(await bitsOf(again)).toEqual(await bitsOf(all));
    // A part of a merge may be a merge.
    const [first, last] = [await flash.mergeAttention(parts.slice(0, 3)), await flash.mergeAttention(parts.slice(3))];
    await expectAllClose(await flash.mergeAttention([first, last]), all);
  });

  test('only empty parts: out 0 and lse -Infinity; one part: itself', async () => {
    const empty = await flash.attention(q, k, v, { mask: only(0, 0) });
    const none = await bitsOf(await flash.mergeAttention([empty, empty]));
    expect(none).toEqual({
      out: new Float32Array(B * H * Nq * D),
      lse: new Float32Array(B * H * Nq).fill(-Infinity),
    });
    const one = await flash.attention(q, k, v);
    await expectAllClose(await flash.mergeAttention([one]), { out: one.out, lse: one.lse }, 1e-6);
  });

  test.each(['f32', 'f16'] as const)('%s parts whose lse lie far apart: by the formula in float64', async (dtype) => {
    const levels = [0, 1e4, -1e4, 88, -Infinity, 3e37];
    const parts = levels.map((level, n) => {
      const out = flash.randn([B, H, Nq, 7], { seed: 10 + n, dtype });
      // Every row has another order of the levels, and some parts are nearly level.
      const lse = Array.from(
        { length: B * H * Nq },
        (_, row) => (row % 5 < 2 ? level : levels[(n + row) % levels.length]) + (n + row) / 64,
      );
      return { out, lse: flash.tensor(lse, [B, H, Nq]) };
    });
    const onHost = await Promise.all(
      parts.map(async ({ out, lse }) => ({ out: await out.data(), lse: await lse.data() })),
    );
    const result = await flash.mergeAttention(parts);
    const expected = merged(onHost, 7, (row) => row);
    expect(result.out.dtype).toBe(dtype);
    await expectClose('out', result.out, expected.out, dtype === 'f16' ? 1e-3 : 2e-6);
    for (const [row, lse] of (await result.lse.data()).entries()) {
      expect(Math.abs(lse - expected.lse[row])).toBeLessThanOrEqual(3e-7 * Math.abs(expected.lse[row]) + 2e-6);
    }
  });

  test('layouts: (B,N,H,D) as packed calls give it, (totalQ,H,D) of varlen, and a choice where both fit', async () => {
    const [N, heads] = [5, 5];
    const parts = [1, 2, 3].map((seed) => ({
      out: flash.randn([B, N, heads, 8], { seed }),
      lse: flash.randn([B, heads, N], { seed: 10 + seed }),
    }));
    const onHost = await Promise.all(
      parts.map(async ({ out, lse }) => ({ out: await out.data(), lse: await lse.data() })),
    );
    const bnhd = (row: number): number =>
      (Math.floor(row / (N * heads)) * N + (row % N)) * heads + (Math.floor(row / N) % heads);
    for (const [layout, rowOf] of [
      ['bnhd', bnhd],
      ['bhnd', (row: number) => row],
      [undefined, (row: number) => row],
    ] as const) {
      const expected = merged(onHost, 8, rowOf);
      const result = await flash.mergeAttention(parts, { layout });
      await expectAllClose(result, {
        out: flash.tensor(expected.out, [B, N, heads, 8]),
        lse: flash.tensor(expected.lse, [B, heads, N]),
      });
    }
    const varlen = [1, 2].map((seed) => ({
      out: flash.randn([11, 3, 8], { seed }),
      lse: flash.randn([3, 11], { seed: 20 + seed }),
    }));
    const numbers = await Promise.all(
      varlen.map(async ({ out, lse }) => ({ out: await out.data(), lse: await lse.data() })),
    );
    const expected = merged(numbers, 8, (row) => (row % 11) * 3 + Math.floor(row / 11));
    const result = await flash.mergeAttention(varlen);
    expect([result.out.shape, result.lse.shape]).toEqual([
      [11, 3, 8],
      [3, 11],
    ]);
    await expectClose('out', result.out, expected.out);
    await expectClose('lse', result.lse, expected.lse);
  });

  test('a prefix that all share, and what each has of its own', async () => {
    const [entries, prefix, own] = [3, 20, 6];
    const make = (rows: number, seed: number, n = entries): flash.Tensor => flash.randn([n, rows, H, D], { seed });
    const queries = make(1, 1);
    const shared = { k: make(prefix, 2, 1), v: make(prefix, 3, 1) };
    const cache = { k: make(own, 4), v: make(own, 5) };
    // The shared keys are seen once, by the queries of all entries as if they were those of one.
    const folded = flash.tensor(await queries.data(), [1, entries, H, D]);
    const first = await flash.attention(folded, shared.k, shared.v, { layout: 'bnhd' });
    const lse = await first.lse.data();
    const turned = Array.from({ length: entries * H }, (_, n) => lse[(n % H) * entries + Math.floor(n / H)]);
    const second = await flash.attentionWithKvCache(queries, cache, { cacheSeqlens: [6, 0, 4] });
    const both = await flash.mergeAttention([
      { out: flash.tensor(await first.out.data(), [entries, 1, H, D]), lse: flash.tensor(turned, [entries, H, 1]) },
      second,
    ]);
    for (const [b, length] of [6, 0, 4].entries()) {
      const all = async (name: 'k' | 'v'): Promise<flash.Tensor> => {
        const rest = (await cache[name].data()).slice(b * own * H * D, (b * own + length) * H * D);
        return flash.tensor([...(await shared[name].data()), ...rest], [1, prefix + length, H, D]);
      };
      const row = flash.tensor((await queries.data()).slice(b * H * D, (b + 1) * H * D), [1, 1, H, D]);
      const truth = await flash.attention(row, await all('k'), await all('v'), {
        layout: 'bnhd',
        algorithm: 'reference',
      });
      await expectClose('out', (await both.out.data()).slice(b * H * D, (b + 1) * H * D), truth.out);
    }
  });

  test.each<[string, () => unknown, flash.FlashErrorCode, RegExp]>([
    ['no list', () => undefined, 'INVALID_ARGUMENT', /^parts: expected a list/],
    ['no parts', () => [], 'INVALID_ARGUMENT', /^parts: expected a list/],
    [
      'a part without lse',
      () => [{ out: flash.zeros([1, 1, 2, 4]) }],
      'INVALID_ARGUMENT',
      /^parts\[0\]\.lse: expected a Tensor/,
    ],
    ['a part that is nothing', () => [null], 'INVALID_ARGUMENT', /^parts\[0\]: expected \{ out, lse \}, got null/],
    [
      'parts of unlike shapes',
      () => [2, 3].map((n) => ({ out: flash.zeros([1, 1, n, 4]), lse: flash.zeros([1, 1, n]) })),
      'SHAPE',
      /^parts\[1\]\.out: expected shape \(1,1,2,4\)/,
    ],
    [
      'lse of other rows',
      () => [{ out: flash.zeros([1, 2, 3, 4]), lse: flash.zeros([1, 2, 4]) }],
      'SHAPE',
      /^parts: expected out .*got \(1,2,3,4\) and \(1,2,4\)/,
    ],
    [
      'lse in halves',
      () => [{ out: flash.zeros([1, 1, 2, 4]), lse: flash.zeros([1, 1, 2], { dtype: 'f16' }) }],
      'DTYPE',
      /^parts\[0\]\.lse: /,
    ],
    [
      'parts of unlike dtypes',
      () =>
        (['f32', 'f16'] as const).map((dtype) => ({
          out: flash.zeros([1, 1, 2, 4], { dtype }),
          lse: flash.zeros([1, 1, 2]),
        })),
      'DTYPE',
      /^parts\[1\]\.out: /,
    ],
  ])('refuses %s', async (_, parts, code, message) => {
    await expect(flash.mergeAttention(parts() as never)).rejects.toMatchObject({
      ...{ name: 'FlashError', code },
      message: expect.stringMatching(message),
    });
  });

  test('refuses a layout that does not fit, and names it does not know', async () => {
    const part = { out: flash.zeros([1, 2, 3, 4]), lse: flash.zeros([1, 2, 3]) };
    await expect(flash.mergeAttention([part], { layout: 'bnhd' })).rejects.toMatchObject({ code: 'SHAPE' });
    await expect(flash.mergeAttention([part], { scale: 1 } as never)).rejects.toThrow(/^scale: no such option/);
  });
});
