import * as compat from '../src/compat';
import * as flash from '../src/node';
import { expectClose } from './support/close';
import { onEachAdapter } from './support/devices';

// Arguments of flash-attn that torch vectors cannot show: keys in pages, and lists that come as tensors.

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
});
