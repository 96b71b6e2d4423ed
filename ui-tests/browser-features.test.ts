import path from 'node:path';
import { type LibraryPage, openLibraryPage } from './support/library-page';

// Features, dtypes and kinds of calls through navigator.gpu. Each result is compared in the page with that of algorithm 'reference',
// which needs no GPU: `worst` is the largest difference over 1 + the largest number, Infinity for NaN.
const script = `
globalThis.worst = async (actual, expected) => {
  const [found, truth] = [await actual.data(), await expected.data()];
  if (found.length !== truth.length) return Infinity;
  let [error, magnitude] = [0, 0];
  truth.forEach((x, n) => {
    if (Number.isFinite(x)) magnitude = Math.max(magnitude, Math.abs(x));
    if (found[n] === x) return;
    const difference = Math.abs(found[n] - x);
    error = Math.max(error, difference >= 0 ? difference : Infinity);
  });
  return error / (1 + magnitude);
};`;
declare const flash: typeof import('../kernel-lib/dist/cjs/index');
type Tensor = import('../kernel-lib/dist/cjs/index').Tensor;
declare const worst: (actual: Tensor, expected: Tensor) => Promise<number>;

const dist = path.resolve(__dirname, '../kernel-lib/dist');
const ALLOWED = { f32: 4e-6, f16: 2e-3 };

describe('attention with features in a browser', () => {
  let opened: LibraryPage;
  beforeAll(async () => {
    opened = await openLibraryPage(dist, script);
  });
  afterAll(() => opened?.close());

  test.each([
    { algorithm: 'flash2', dtype: 'f32' },
    { algorithm: 'flash2', dtype: 'f16' },
    // All features at once are more tensors in flash1's backward than Chromium binds: it comes in parts there.
    { algorithm: 'flash1', dtype: 'f32' },
    { algorithm: 'naive', dtype: 'f32' },
  ] as const)('%j: all of them together, forward and backward', async (kind) => {
    const found = await opened.page.evaluate(async ({ dtype, ...kind }) => {
      const [B, H, Hk, Nq, Nk, D] = [2, 4, 2, 21, 26, 16];
      const input = (heads: number, N: number, seed: number) => flash.randn([B, N, heads, D], { seed, dtype });
      const [q, k, v, dout] = [input(H, Nq, 1), input(Hk, Nk, 2), input(Hk, Nk, 3), input(H, Nq, 4)];
      const features = {
        ...{ layout: 'bnhd' as const, window: [9, 4] as const, softcap: 3, dropout: 0.2, seed: 7 },
        alibiSlopes: [0.1, 0.2, 0.4, 0],
        bias: flash.randn([H, Nq, Nk], { seed: 5 }),
        mask: flash.tensor(
          Array.from({ length: B * Nk }, (_, n) => n % 6 !== 1),
          [B, 1, 1, Nk],
          { dtype: 'bool' },
        ),
      };
      const result = await flash.attention(q, k, v, { ...features, ...kind });
      const truth = await flash.attention(q, k, v, { ...features, algorithm: 'reference' });
      const { dq, dk, dv, dbias } = await result.backward(dout);
      const expected = await truth.backward(dout);
      return {
        path: result.info.path,
        out: await worst(result.out, truth.out),
        lse: await worst(result.lse, truth.lse),
        dq: await worst(dq, expected.dq),
        dk: await worst(dk, expected.dk),
        dv: await worst(dv, expected.dv),
        dbias: await worst(dbias!, expected.dbias!),
      };
    }, kind);
    const { path: ran, ...all } = found;
    expect(ran).toContain(kind.algorithm);
    for (const [output, error] of Object.entries(all)) {
      expect({ output, error, ok: error <= ALLOWED[kind.dtype] }).toMatchObject({ output, ok: true });
    }
  });

  test('sequences of different lengths', async () => {
    const found = await opened.page.evaluate(async () => {
      const [cuSeqlensQ, cuSeqlensK] = [
        [0, 5, 5, 17, 21],
        [0, 9, 12, 12, 30],
      ];
      const [q, dout] = [1, 4].map((seed) => flash.randn([21, 4, 16], { seed }));
      const [k, v] = [2, 3].map((seed) => flash.randn([30, 2, 16], { seed }));
      const options = { cuSeqlensQ, cuSeqlensK, causal: true, alibiSlopes: [0.1, 0.2, 0.3, 0.4] };
      const result = await flash.attentionVarlen(q, k, v, options);
      const truth = await flash.attentionVarlen(q, k, v, { ...options, algorithm: 'reference' });
      const [gradients, expected] = [await result.backward(dout), await truth.backward(dout)];
      return Promise.all([
        worst(result.out, truth.out),
        worst(result.lse, truth.lse),
        worst(gradients.dq, expected.dq),
        worst(gradients.dk, expected.dk),
        worst(gradients.dv, expected.dv),
      ]);
    });
    expect(Math.max(...found)).toBeLessThanOrEqual(ALLOWED.f32);
  });

  test('an i8 cache in pages: appended, read in place, and merged from splits', async () => {
    const found = await opened.page.evaluate(async () => {
      const [H, Hk, D, N, pageSize] = [4, 2, 16, 50, 16];
      const cache = flash.kvCache({ batch: 1, kvHeads: Hk, seq: 64, dim: D, dtype: 'i8', pageSize });
      const [k, v] = [2, 3].map((seed) => flash.randn([1, N, Hk, D], { seed }));
      const q = flash.randn([1, 1, H, D], { seed: 1 });
      const blockTable = [[2, 0, 3, 1]];
      const result = await flash.attentionWithKvCache(q, cache, { k, v, cacheSeqlens: 0, blockTable, numSplits: 3 });
      // What the cache holds, with its scales: a page here is one block.
      const held = async (bytes: Tensor, scales: Tensor) => {
        const [numbers, factors] = [await bytes.data(), await scales.data()];
        const row = (j: number) => blockTable[0][Math.floor(j / pageSize)] * pageSize + (j % pageSize);
        const values = Array.from({ length: N * Hk * D }, (_, n) => {
          const [j, hk] = [Math.floor(n / (Hk * D)), Math.floor(n / D) % Hk];
          return numbers[row(j) * Hk * D + (n % (Hk * D))] * factors[Math.floor(row(j) / pageSize) * Hk + hk];
        });
        return flash.tensor(values, [1, N, Hk, D]);
      };
      const [keys, values] = [await held(cache.k, cache.kScales!), await held(cache.v, cache.vScales!)];
      const options = { layout: 'bnhd', algorithm: 'reference' } as const;
      const truth = await flash.attention(q, keys, values, options);
      return {
        ofHeld: await worst(result.out, truth.out),
        ofRounding: await worst(values, v),
        ofGiven: await worst(result.out, (await flash.attention(q, k, v, options)).out),
      };
    });
    expect(found.ofHeld).toBeLessThanOrEqual(ALLOWED.f32);
    // Half a scale of numbers up to about 3.5.
    expect(found.ofRounding).toBeLessThan(0.5 / 127);
    expect(found.ofGiven).toBeLessThan(0.01);
  });

  test('the page wrote no error', () => {
    expect(opened.errors).toEqual([]);
  });
});
