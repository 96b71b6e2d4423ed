import path from 'node:path';
import type { Page } from 'playwright-core';
import { parseCase } from '../kernel-lib/dist/cjs/check/case-name';
import { caseTruth, outputsOf, type CaseTruth, type Output } from '../kernel-lib/dist/cjs/check/case-truth';
import { compare } from '../kernel-lib/dist/cjs/reference';
import { type LibraryPage, openLibraryPage } from './support/library-page';

declare const flash: typeof import('../kernel-lib/dist/cjs/index');

const dist = path.resolve(__dirname, '../kernel-lib/dist');

const cases = [
  'B1_H1_Hk1_Nq1_Nk1_D1_Dv1_seed1',
  'B2_H4_Hk2_Nq33_Nk65_D64_Dv64_causal_seed2',
  'B1_H2_Hk1_Nq70_Nk37_D33_Dv17_seed3',
];

describe('the library in a browser, through navigator.gpu', () => {
  let opened: LibraryPage;
  let page: Page;
  beforeAll(async () => {
    opened = await openLibraryPage(dist);
    ({ page } = opened);
  });
  afterAll(() => opened?.close());

  test('has a device of its own', async () => {
    const info = await page.evaluate(() => flash.device());
    expect(info).toMatchObject({ kind: 'software', driver: 'swiftshader' });
    expect(info.reason).toContain('navigator.gpu');
  });

  describe.each(cases)('%s', (name) => {
    // The truth is computed here, in float64; the page only runs the kernels.
    let truth: CaseTruth;
    beforeAll(() => {
      truth = caseTruth(parseCase(name));
    });

    test.each(['flash2', 'naive'] as const)('%s, forward and backward', async (algorithm) => {
      const { B, H, Hk, Nq, Nk, D, Dv, causal } = truth.case;
      const inputs = {
        q: { data: [...truth.inputs.q], shape: [B, H, Nq, D] },
        k: { data: [...truth.inputs.k], shape: [B, Hk, Nk, D] },
        v: { data: [...truth.inputs.v], shape: [B, Hk, Nk, Dv] },
        dout: { data: [...truth.inputs.dout], shape: [B, H, Nq, Dv] },
      };
      const actual = await page.evaluate(
        async ({ inputs, causal, algorithm }) => {
          const put = ({ data, shape }: { data: number[]; shape: number[] }) =>
            flash.tensor(Float32Array.from(data), shape);
          const result = await flash.attention(put(inputs.q), put(inputs.k), put(inputs.v), { causal, algorithm });
          const { dq, dk, dv } = await result.backward(put(inputs.dout));
          // JSON has no -Infinity, the lse of an empty row; playwright's own encoding has.
          const read = async (tensor: { data(): Promise<Float32Array> }) => [...(await tensor.data())];
          return {
            dispatches: result.info.dispatches,
            out: await read(result.out),
            lse: await read(result.lse),
            dq: await read(dq),
            dk: await read(dk),
            dv: await read(dv),
          };
        },
        { inputs, causal, algorithm },
      );
      expect(actual.dispatches).toBeGreaterThan(0);
      for (const output of outputsOf(truth.case)) {
        const { reference, allowed } = truth.expected[output]!;
        const numbers = actual[output as Exclude<Output, 'dbias'>];
        expect({ output, ...compare(numbers, reference, allowed) }).toMatchObject({ output, ok: true });
      }
    });
  });

  test('the page wrote no error', () => {
    expect(opened.errors).toEqual([]);
  });
});
