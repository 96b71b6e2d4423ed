import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as compat from '../src/compat';
import * as flash from '../src/node';
import { onEachAdapter } from './support/devices';

// What PyTorch's scaled_dot_product_attention gives, and what flash-attn and xformers give by their documentation, with all gradients
// (see data/make-compat-vectors.py). Each call is made by its own name with its own arguments.

interface Numbers {
  shape: number[];
  data: (number | null)[];
  dtype?: 'bool';
}

interface Case {
  name: string;
  call: string;
  tensors: Record<string, Numbers>;
  options: Record<string, unknown>;
  bias?: { kind: BiasKind; arguments: unknown[] };
  dout: number[];
  expected: Record<string, Numbers>;
}

type BiasKind = keyof typeof compat & `${'Lower' | 'Local' | 'Block'}${string}`;
type Result = Omit<flash.AttentionResult, 'backward'> & {
  backward(dout: flash.Tensor): Promise<Record<string, flash.Tensor>>;
};

const { cases } = JSON.parse(readFileSync(join(__dirname, 'data/compat-vectors.json'), 'utf8')) as { cases: Case[] };
const title = ({ call, name }: Case): string => `${call}: ${name}`;

/** Null stands for an infinity: always the negative one. */
const toTensor = ({ shape, data, dtype }: Numbers, float: 'f32' | 'f16' = 'f32'): flash.Tensor =>
  flash.tensor(
    data.map((x) => x ?? -Infinity),
    shape,
    { dtype: dtype ?? float },
  );

function makeBias({ kind, arguments: given }: NonNullable<Case['bias']>, tensor?: flash.Tensor): compat.AttentionBias {
  if (kind === 'LowerTriangularMaskWithTensorBias') return new compat.LowerTriangularMask().addBias(tensor!);
  const Class = compat[kind] as unknown as typeof compat.BlockDiagonalMask &
    (new (...sizes: unknown[]) => compat.AttentionBias);
  if (kind.startsWith('Block')) return Class.fromSeqlens(given[0] as number[], given[1] as number[] | null);
  return new Class(...given);
}

async function run(c: Case, more: object = {}, float: 'f32' | 'f16' = 'f32'): Promise<Result> {
  const { attnMask, attnBias, ...positional } = Object.fromEntries(
    Object.entries(c.tensors).map(([name, t]) => [name, toTensor(t, float)]),
  );
  const options = {
    ...c.options,
    ...(attnMask ? { attnMask } : {}),
    ...(c.bias ? { attnBias: makeBias(c.bias, attnBias) } : attnBias ? { attnBias } : {}),
    ...more,
  };
  const call = compat[c.call as keyof typeof compat] as unknown as (...given: unknown[]) => Promise<Result>;
  return call(...Object.values(positional), options);
}

/** Everything that a call gives, by name. */
async function outputs(c: Case, result: Result, float: 'f32' | 'f16' = 'f32'): Promise<Record<string, flash.Tensor>> {
  const { info, ...gradients } = await result.backward(toTensor({ shape: c.expected.out.shape, data: c.dout }, float));
  expect(info).toBeDefined();
  return { out: result.out, lse: result.lse, ...gradients };
}

/** Fails with the worst number of each output that is further off than `most` * (1 + the largest of them). */
async function expectClose(c: Case, made: Record<string, flash.Tensor>, most: number): Promise<void> {
  expect(Object.keys(made).sort()).toEqual(Object.keys(c.expected).sort());
  for (const [name, { shape, data }] of Object.entries(c.expected)) {
    expect([name, ...made[name].shape]).toEqual([name, ...shape]);
    const numbers = await made[name].data();
    const wanted = data.map((x) => x ?? -Infinity);
    const largest = Math.max(...wanted.filter(Number.isFinite).map(Math.abs));
    wanted.forEach((x, n) => {
      const good = x === numbers[n] || Math.abs(x - numbers[n]) <= most * (1 + largest);
      if (!good) throw new Error(`${name}[${n}]: expected ${x}, got ${numbers[n]}`);
    });
  }
}

const TOP_LEFT = /^LowerTriangularMask|CausalMask$/;
const hasFeatures = ({ options, tensors, bias }: Case): boolean =>
  'dropoutP' in options || 'attnBias' in tensors || bias?.kind.startsWith('Block') === true;

onEachAdapter('calls by the names of other libraries', (adapter) => {
  test.each(cases.map((c): [string, Case] => [title(c), c]))('%s', async (_, c) => {
    await expectClose(c, await outputs(c, await run(c)), 1e-5);
  });

  // Causal from the top left is what no option of flash.attention says, so every algorithm is asked for it here. SwiftShader compiles
  // flash1 with features for half a minute, so there it gets the cases without.
  const topLeft = cases.filter(({ options, bias }) => options.isCausal || TOP_LEFT.test(bias?.kind ?? ''));
  const others = topLeft.flatMap((c) =>
    (['flash1', 'naive', 'reference'] as const)
      .filter((a) => a !== 'flash1' || adapter !== 'swiftshader' || !hasFeatures(c))
      .map((a) => [title(c), a, c] as const),
  );
  test.each(others)('%s, %s', async (_, algorithm, c) => {
    await expectClose(c, await outputs(c, await run(c, { algorithm })), 1e-5);
  });

  test.each(['flash2', 'flash1'] as const)(
    'tiles above a diagonal from the top left are left out (%s)',
    async (algorithm) => {
      const q = flash.randn([1, 1, 12, 4], { seed: 1 });
      const k = flash.randn([1, 1, 20, 4], { seed: 2 });
      const options = { isCausal: true, algorithm, tiles: { br: 4, bc: 4 } };
      const { info } = await compat.scaledDotProductAttention(q, k, k, options);
      // Three tiles of queries see one, two and three of the five tiles of keys.
      expect(info.tiles).toMatchObject({ visited: 6, total: 15 });
    },
  );

  test.each(['five axes, float mask', 'causal, an empty sequence, grouped heads', 'groups'])(
    'f16: %s',
    async (name) => {
      const c = cases.find((one) => one.name.startsWith(name))!;
      const result = await run(c, { algorithm: 'reference' }, 'f16');
      expect(result.out.dtype).toBe('f16');
      await expectClose(c, await outputs(c, result, 'f16'), 5e-3);
    },
  );

  describe('flashAttnWithKvcache', () => {
    const [B, N, H, Hk, D, rows] = [2, 2, 4, 2, 4, 8];
    const q = flash.randn([B, N, H, D], { seed: 1 });
    const k = flash.randn([B, N, Hk, D], { seed: 2 });
    const v = flash.randn([B, N, Hk, D], { seed: 3 });
    const cacheSeqlens = [3, 5];
    const cacheOf = (entries: number, length: number): { k: flash.Tensor; v: flash.Tensor } => ({
      k: flash.randn([entries, length, Hk, D], { seed: 4 }),
      v: flash.randn([entries, length, Hk, D], { seed: 5 }),
    });

    test('appends, then attends to what flashAttnFunc gets as a whole', async () => {
      const cache = cacheOf(3, rows);
      const cacheBatchIdx = [2, 0];
      const before = { k: await cache.k.data(), v: await cache.v.data() };
      const options = { causal: true, cacheSeqlens, cacheBatchIdx, cacheLeftpad: [0, 0], returnSoftmaxLse: true };
      const { out, lse } = await compat.flashAttnWithKvcache(q, cache.k, cache.v, { k, v, ...options });
      for (const [b, entry] of cacheBatchIdx.entries()) {
        const length = cacheSeqlens[b];
        const width = Hk * D;
        const whole = async (name: 'k' | 'v', added: flash.Tensor): Promise<flash.Tensor> => {
          const at = entry * rows * width;
          const old = before[name].subarray(at, at + length * width);
          const numbers = [...old, ...(await added.data()).subarray(b * N * width, (b + 1) * N * width)];
          expect([...(await cache[name].data()).subarray(at, at + numbers.length)]).toEqual(numbers);
          return flash.tensor(numbers, [1, length + N, Hk, D]);
        };
        const own = flash.tensor((await q.data()).subarray(b * N * H * D, (b + 1) * N * H * D), [1, N, H, D]);
        const same = await compat.flashAttnFunc(own, await whole('k', k), await whole('v', v), {
          causal: true,
          algorithm: 'reference',
        });
        for (const [name, made] of Object.entries({ out, lse })) {
          const wanted = await same[name as 'out' | 'lse'].data();
          const numbers = (await made.data()).subarray(b * wanted.length, (b + 1) * wanted.length);
          numbers.forEach((x, n) => expect(x).toBeCloseTo(wanted[n], 4));
        }
      }
    });

    test('all arguments mean what those of flash.attentionWithKvCache mean', async () => {
      const blockTable = [
        [3, 0],
        [1, 2],
      ];
      const rotary = { cos: flash.randn([9, 2], { seed: 6 }), sin: flash.randn([9, 2], { seed: 7 }) };
      const shared = { k, v, cacheSeqlens, blockTable, softcap: 1.5, alibiSlopes: [1, 0.5, 0.25, 0.125], numSplits: 2 };
      const [a, b] = [cacheOf(4, 4), cacheOf(4, 4)];
      const ours = await flash.attentionWithKvCache(q, a, {
        ...{ ...shared, scale: 0.7, window: [3, 1], rotary: { ...rotary, interleaved: false } },
      });
      const theirs = await compat.flashAttnWithKvcache(q, b.k, b.v, {
        ...{ ...shared, softmaxScale: 0.7, windowSize: [3, 1] },
        ...{ rotaryCos: rotary.cos, rotarySin: rotary.sin, rotaryInterleaved: false },
      });
      expect(await theirs.out.data()).toEqual(await ours.out.data());
      expect(await theirs.lse.data()).toEqual(await ours.lse.data());
      expect(await b.k.data()).toEqual(await a.k.data());
    });

    test('without cacheSeqlens the whole cache counts', async () => {
      const cache = cacheOf(B, 5);
      const { out } = await compat.flashAttnWithKvcache(q, cache.k, cache.v, { cacheSeqlens: null });
      const whole = await compat.flashAttnWithKvcache(q, cache.k, cache.v, { cacheSeqlens: 5 });
      expect(await out.data()).toEqual(await whole.out.data());
    });
  });
});
