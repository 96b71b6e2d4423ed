import * as compat from '../src/compat';
import * as flash from '../src/node';
import { expectClose } from './support/close';
import { onEachAdapter } from './support/devices';

// Arguments of flash-attn that torch vectors cannot show: keys in pages, lists that come as tensors, p with the signs of dropout.

onEachAdapter('by the names of flash-attn', () => {
  test('flashAttnVarlenFunc attends to keys in pages where they lie', async () => {
    const [H, Hk, D, pageSize] = [4, 2, 8, 4];
    const [cuSeqlensQ, cuSeqlensK] = [
      [0, 3, 3, 8],
      [0, 9, 11, 18],
    ];
    const [k, v] = [1, 2].map((seed) => flash.randn([18, Hk, D], { seed }));
    const q = flash.randn([8, H, D], { seed: 3 });
    const blockTable = [
      [4, 0, 6],
      [2, 2, 2],
      [5, 1, 2],
    ];
    const paged = async (rows: flash.Tensor): Promise<flash.Tensor> => {
      const [numbers, pages] = [await rows.data(), new Float32Array(7 * pageSize * Hk * D).fill(99)];
      blockTable.forEach((table, b) => {
        for (let j = 0; j < cuSeqlensK[b + 1] - cuSeqlensK[b]; j++) {
          const at = (table[Math.floor(j / pageSize)] * pageSize + (j % pageSize)) * Hk * D;
          const from = (cuSeqlensK[b] + j) * Hk * D;
          pages.set(numbers.subarray(from, from + Hk * D), at);
        }
      });
      return flash.tensor(pages, [7, pageSize, Hk, D]);
    };
    // Sequence 1 has no queries, so page 2 may be that of sequence 2.
    const options = { cuSeqlensQ, cuSeqlensK, causal: true, softcap: 3, alibiSlopes: [1, 0.5, 0.2, 0] };
    const whole = await compat.flashAttnVarlenFunc(q, k, v, options);
    const inPages = await compat.flashAttnVarlenFunc(q, await paged(k), await paged(v), { ...options, blockTable });
    for (const name of ['out', 'lse'] as const) await expectClose(name, inPages[name], whole[name]);
    await expect(inPages.backward(q)).rejects.toMatchObject({ code: 'UNSUPPORTED' });
  });

  test('lists may be Tensors, as in the originals', async () => {
    const rows = flash.randn([6, 2, 8], { seed: 1 });
    const lists = { cuSeqlensQ: [0, 2, 6], cuSeqlensK: [0, 5, 6], alibiSlopes: [0.5, 0.25] };
    const tensors = Object.fromEntries(Object.entries(lists).map(([name, x]) => [name, flash.tensor(x, [x.length])]));
    const given = await compat.flashAttnVarlenFunc(rows, rows, rows, lists);
    const same = await compat.flashAttnVarlenFunc(rows, rows, rows, tensors as unknown as typeof lists);
    expect(await same.out.data()).toEqual(await given.out.data());
    const slopes = flash.tensor([0.5, 0.25, 1, 2], [2, 2]);
    const dense = flash.randn([2, 3, 2, 8], { seed: 2 });
    const byBatch = await compat.flashAttnFunc(dense, dense, dense, { alibiSlopes: slopes });
    const sameByBatch = await compat.flashAttnFunc(dense, dense, dense, {
      alibiSlopes: [
        [0.5, 0.25],
        [1, 2],
      ],
    });
    expect(await byBatch.out.data()).toEqual(await sameByBatch.out.data());
  });

  describe('returnAttnProbs gives p, negative where it was dropped', () => {
    const [B, N, H, D] = [2, 13, 4, 8];
    const options = { dropoutP: 0.4, causal: true, seed: 5, returnAttnProbs: true };
    const [q, k, v] = [1, 2, 3].map((seed) => flash.randn([B, N, H, D], { seed }));
    const rows = Array.from({ length: N }, (_, i) => i);
    const inOrder = async (t: flash.Tensor): Promise<number[]> => Array.from(await t.data());

    /** Fails unless `signed` is p of dense attention with the signs of the mask. */
    async function expectSigned(signed: flash.Tensor | undefined, heads: number): Promise<void> {
      const p = await flash.attentionWeights(q, k, { causal: true, layout: 'bnhd' }, { rows });
      const kept = await inOrder(flash.dropoutMask([B, heads, N, N], 0.4, 5));
      const found = await inOrder(signed!);
      expect(signed!.shape).toEqual([B, heads, N, N]);
      await expectClose('|p|', found.map(Math.abs), p);
      found.forEach((x, n) => expect(x < 0 || Object.is(x, -0)).toBe(kept[n] === 0));
      expect(kept).toContain(0);
    }

    test('dense, and in one tensor', async () => {
      await expectSigned((await compat.flashAttnFunc(q, k, v, options)).sDmask, H);
      const pack = async (parts: flash.Tensor[]): Promise<flash.Tensor> => {
        const numbers = await Promise.all(parts.map(inOrder));
        const joined = Array.from({ length: B * N }, (_, row) =>
          numbers.map((part) => part.slice(row * H * D, (row + 1) * H * D)),
        );
        return flash.tensor(joined.flat(2), [B, N, parts.length, H, D]);
      };
      await expectSigned((await compat.flashAttnQkvpackedFunc(await pack([q, k, v]), options)).sDmask, H);
      await expectSigned((await compat.flashAttnKvpackedFunc(q, await pack([k, v]), options)).sDmask, H);
    });

    test('sequences, padded to the longest', async () => {
      const lists = { cuSeqlensQ: [0, 5, 13], cuSeqlensK: [0, 9, 13] };
      const [totalQ, totalK, totalV] = [1, 2, 3].map((seed) => flash.randn([13, H, D], { seed }));
      const { sDmask, seed } = await compat.flashAttnVarlenFunc(totalQ, totalK, totalV, { ...options, ...lists });
      expect(seed).toBe(5);
      expect(sDmask!.shape).toEqual([2, H, 8, 9]);
      const found = await inOrder(sDmask!);
      const kept = await inOrder(flash.dropoutMask([2, H, 8, 9], 0.4, 5));
      for (const [b, [Nq, Nk]] of [
        [5, 9],
        [8, 4],
      ].entries()) {
        const part = async (t: flash.Tensor, offsets: number[]): Promise<flash.Tensor> =>
          flash.tensor((await t.data()).slice(offsets[b] * H * D, offsets[b + 1] * H * D), [
            1,
            offsets[b + 1] - offsets[b],
            H,
            D,
          ]);
        const own = [await part(totalQ, lists.cuSeqlensQ), await part(totalK, lists.cuSeqlensK)] as const;
        const p = await flash.attentionWeights(...own, { causal: true, layout: 'bnhd' }, { rows: rows.slice(0, Nq) });
        const numbers = await inOrder(p);
        for (let h = 0; h < H; h++) {
          for (let i = 0; i < 8; i++) {
            for (let j = 0; j < 9; j++) {
              const at = ((b * H + h) * 8 + i) * 9 + j;
              const inside = i < Nq && j < Nk;
              expect(Math.abs(found[at])).toBeCloseTo(inside ? numbers[(h * Nq + i) * Nk + j] : 0, 5);
              if (inside && numbers[(h * Nq + i) * Nk + j] > 0) expect(found[at] < 0).toBe(kept[at] === 0);
            }
          }
        }
      }
    });

    test('without dropout there is none', async () => {
      const { sDmask } = await compat.flashAttnFunc(q, k, v, { returnAttnProbs: true });
      expect(sDmask).toBeUndefined();
    });
  });
});
