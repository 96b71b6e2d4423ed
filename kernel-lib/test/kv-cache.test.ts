import * as flash from '../src/node';
import { toFloat16Bits, fromFloat16Bits } from '../src/tensor/float16';
import { type Angles, angles, type Element, keysOf, randomCache, rowsOf, type Table, turned } from './support/cache';
import { bitsOf, expectClose } from './support/close';
import { onEachAdapter } from './support/devices';
import { withSpoiltBuffers } from './support/spoilt-buffers';

const [B, H, Hk, CAPACITY] = [2, 4, 2, 120];
const LENGTHS = [37, 70];

interface Kind {
  dtype?: flash.FloatDType;
  element?: Element;
  D?: number;
  Dv?: number;
  /** Queries, and rows that are appended. */
  N?: number;
  newRows?: number;
  pageSize?: number;
  rotary?: { R: number; interleaved: boolean };
  splits?: number;
  options?: Pick<flash.KvCacheCallOptions, 'causal' | 'window' | 'softcap' | 'alibiSlopes' | 'scale'>;
  /** Also a bias and a mask. */
  masked?: boolean;
  leftpad?: [number, number];
}

// Each set of q's dtype, the cache's dtype, head sizes, number of queries (rounded up) and split or not is a kernel of its own.
const odd = { D: 7, Dv: 12 };
const few = { N: 3, newRows: 3 };
const KINDS: [string, Kind][] = [
  ['one query, one new row', {}],
  ['nothing new', { newRows: 0, splits: 4 }],
  ['one query, many new rows', { newRows: 40, options: { causal: true } }],
  ['some queries, causal', { ...few, options: { causal: true } }],
  ['some queries that are not the new rows', { N: 3, newRows: 5, splits: 3, options: { window: [30, 4] } }],
  ['a window to the left', { ...few, splits: 5, options: { window: [10, 0] } }],
  ['softcap, scale and ALiBi', { options: { softcap: 2, scale: 0.7, alibiSlopes: [0.1, 0.02, 0.3, 0] } }],
  [
    'ALiBi by batch, in splits',
    {
      splits: 3,
      options: {
        alibiSlopes: [
          [0.1, 0.2, 0.3, 0.4],
          [0, 0.5, 0, 1],
        ],
      },
    },
  ],
  ['bias and mask', { ...few, masked: true, options: { causal: true } }],
  ['bias and mask, in splits', { ...few, masked: true, splits: 6 }],
  ['pages', { pageSize: 8, splits: 3 }],
  ['pages of an odd size', { ...few, pageSize: 13, newRows: 30, masked: true, options: { causal: true } }],
  ['pages of one row', { pageSize: 1, newRows: 2 }],
  ['left padding', { leftpad: [5, 37], masked: true, splits: 2, ...few, options: { causal: true } }],
  [
    'left padding of i8 pages, turned',
    { ...odd, leftpad: [37, 0], element: 'i8', pageSize: 40, newRows: 3, rotary: { R: 6, interleaved: false } },
  ],
  ['f16 under f32', { ...few, ...odd, element: 'f16', pageSize: 6, newRows: 4, options: { causal: true } }],
  ['f16 under f16', { dtype: 'f16', element: 'f16', pageSize: 16, options: { causal: true } }],
  ['f32 under f16', { dtype: 'f16', element: 'f32', options: { causal: true } }],
  ['i8', { ...few, element: 'i8', newRows: 7 }],
  ['i8 under f16, in splits', { dtype: 'f16', element: 'i8', splits: 4, options: { causal: true } }],
  ['i8 in pages', { ...few, ...odd, element: 'i8', pageSize: 40, newRows: 45, splits: 2, options: { causal: true } }],
  ['rotary', { rotary: { R: 8, interleaved: true } }],
  [
    'rotary of whole rows by halves, causal',
    { ...few, rotary: { R: 16, interleaved: false }, options: { causal: true } },
  ],
  ['rotary, all queries at one position', { ...few, rotary: { R: 10, interleaved: true } }],
  ['rotary by halves, in a window', { ...few, rotary: { R: 4, interleaved: false }, options: { window: [-1, 9] } }],
  [
    'rotary into i8 pages',
    { ...few, ...odd, element: 'i8', pageSize: 40, splits: 2, rotary: { R: 6, interleaved: false } },
  ],
  [
    'rotary into f16',
    { dtype: 'f16', element: 'f16', rotary: { R: 16, interleaved: true }, options: { causal: true } },
  ],
];

const round16 = (x: Float32Array): Float32Array => fromFloat16Bits(toFloat16Bits(x));

/** Pages of each batch entry, none where it would lie by chance. */
const shuffled = (pagesOfEntry: number): number[][] =>
  Array.from({ length: B }, (_, b) =>
    Array.from({ length: pagesOfEntry }, (__, n) => (n * B + b + 3) % (B * pagesOfEntry)),
  );

onEachAdapter('attention over a cache', () => {
  withSpoiltBuffers();

  test.each(KINDS)('%s: appended in place, and the attention of all rows', async (_, kind) => {
    const {
      dtype = 'f32',
      element = 'f32',
      D = 16,
      Dv = D,
      N = 1,
      newRows = 1,
      pageSize,
      splits = 0,
      leftpad = [0, 0],
      options = {},
    } = kind;
    const rows = pageSize ?? CAPACITY;
    const pagesOfEntry = Math.ceil(CAPACITY / rows);
    const table: Table = pageSize === undefined ? [[0], [1]] : shuffled(pagesOfEntry);
    const cache = randomCache({ pages: B * pagesOfEntry, rows, Hk, D, Dv, element });
    const before = { k: await cache.k.data(), v: await cache.v.data() };
    const lengths = LENGTHS.map((length, b) => length + newRows - leftpad[b]);
    const longest = Math.max(...lengths);

    const q = flash.randn([B, N, H, D], { seed: 1, dtype });
    const k = newRows ? flash.randn([B, newRows, Hk, D], { seed: 2, dtype }) : undefined;
    const v = newRows ? flash.randn([B, newRows, Hk, Dv], { seed: 3, dtype }) : undefined;
    const turn: Angles | null = kind.rotary ? angles(CAPACITY, kind.rotary.R, kind.rotary.interleaved) : null;
    const rotary = turn && {
      cos: flash.tensor(turn.cos, [CAPACITY, turn.R / 2]),
      sin: flash.tensor(turn.sin, [CAPACITY, turn.R / 2]),
      interleaved: turn.interleaved,
    };
    const bias = flash.randn([B, 1, N, longest], { seed: 4 });
    const mask = flash.tensor(
      Array.from({ length: longest }, (__, j) => j % 7 !== 3),
      [longest],
      { dtype: 'bool' },
    );
    const cacheSeqlens = [...LENGTHS];
    const result = await flash.attentionWithKvCache(q, cache, {
      ...{ ...options, k, v, cacheSeqlens, numSplits: splits },
      ...(pageSize === undefined ? {} : { blockTable: table }),
      ...(rotary ? { rotary } : {}),
      ...(kind.masked ? { bias, mask } : {}),
      ...(kind.leftpad ? { cacheLeftpad: leftpad } : {}),
    });
    expect(cacheSeqlens).toEqual(LENGTHS);
    expect([result.out.shape, result.out.dtype, result.lse.shape]).toEqual([[B, N, H, Dv], dtype, [B, H, N]]);

    // What is in the cache now: the new rows behind the old ones, and everything else as it was.
    const after = { k: await rowsOf(cache, 'k', table), v: await rowsOf(cache, 'v', table) };
    const expected = { k: before.k.slice(), v: before.v.slice() };
    const found = { k: await cache.k.data(), v: await cache.v.data() };
    for (const name of ['k', 'v'] as const) {
      const given = name === 'k' ? k : v;
      const width = Hk * after[name].width;
      for (let b = 0; given && b < B; b++) {
        const own = (await given.data()).subarray(b * newRows * width, (b + 1) * newRows * width);
        const fresh = name === 'k' && turn ? turned(own, Hk, D, turn, (i) => LENGTHS[b] + i) : own;
        for (let n = 0; n < newRows; n++) {
          const j = LENGTHS[b] + n;
          const row = fresh.slice(n * width, (n + 1) * width);
          const at = (table[b][Math.floor(j / rows)] * rows + (j % rows)) * width;
          expected[name].set(found[name].subarray(at, at + width), at);
          if (element === 'i8') continue; // kv-cache-i8.test.ts
          const stored = after[name].row(b, j);
          if (turn && name === 'k') await expectClose('k', stored, row, element === 'f16' ? 1e-3 : 1e-6);
          else expect(stored).toEqual(element === 'f16' ? round16(row) : row);
        }
      }
      // The bytes of an i8 block that was begun earlier may be scaled anew.
      if (element !== 'i8') expect(found[name]).toEqual(expected[name]);
    }

    const bounded = Boolean(options.causal ?? options.window);
    const numbersOfQ = await q.data();
    for (let b = 0; b < B; b++) {
      const length = lengths[b];
      const own = numbersOfQ.subarray(b * N * H * D, (b + 1) * N * H * D);
      const queries = turn ? turned(own, H, D, turn, (i) => LENGTHS[b] + (bounded ? i : 0)) : own;
      const slopes = options.alibiSlopes?.[b];
      const ownBias = (await bias.data()).subarray(b * N * longest, (b + 1) * N * longest);
      const truth = await flash.attention(
        flash.tensor(queries, [1, N, H, D]),
        keysOf(after.k, b, length, Hk, leftpad[b]),
        keysOf(after.v, b, length, Hk, leftpad[b]),
        {
          ...{ ...options, layout: 'bnhd', algorithm: 'reference' },
          ...(Array.isArray(slopes) ? { alibiSlopes: slopes } : {}),
          ...(kind.masked
            ? {
                bias: flash.tensor(
                  Array.from(
                    { length: N * length },
                    (__, n) => ownBias[Math.floor(n / length) * longest + (n % length)],
                  ),
                  [N, length],
                ),
                mask: flash.tensor(
                  Array.from({ length }, (__, j) => j % 7 !== 3),
                  [length],
                  { dtype: 'bool' },
                ),
              }
            : {}),
        },
      );
      const tolerance = dtype === 'f16' ? 2e-3 : 4e-6;
      const ofEntry = (x: Float32Array): Float32Array => x.subarray((b * x.length) / B, ((b + 1) * x.length) / B);
      await expectClose('out', ofEntry(await result.out.data()), truth.out, tolerance);
      await expectClose('lse', ofEntry(await result.lse.data()), truth.lse, tolerance);
    }
  });

  test('any number of splits gives the same within rounding, and each its own bits again', async () => {
    const cache = randomCache({ pages: B, rows: CAPACITY, Hk, D: 16, Dv: 16, element: 'f32' });
    const q = flash.randn([B, 3, H, 16], { seed: 1 });
    const run = async (numSplits: number) => {
      const options = { cacheSeqlens: [5, 113], causal: true, window: [60, 0] as const, numSplits };
      const result = await flash.attentionWithKvCache(q, cache, options);
      return { path: result.info.path, bits: await bitsOf(result) };
    };
    const one = await run(1);
    for (const splits of [0, 2, 3, 4, 5, 6, 7, 128]) {
      const many = await run(splits);
      if (splits > 0) expect(many.path).toContain(`${splits} split(s)`);
      await expectClose('out', many.bits.out, one.bits.out);
      await expectClose('lse', many.bits.lse, one.bits.lse);
      expect(await run(splits)).toEqual(many);
    }
  });

  test('a token at a time is causal attention of the whole text', async () => {
    const [N, D] = [20, 16];
    const [q, k, v] = [1, 2, 3].map((seed) => flash.randn([1, N, seed === 1 ? H : Hk, D], { seed }));
    const cache = flash.kvCache({ batch: 1, kvHeads: Hk, seq: 32, dim: D, pageSize: 8 });
    const token = async (t: flash.Tensor, i: number): Promise<flash.Tensor> => {
      const width = t.shape[2] * D;
      return flash.tensor((await t.data()).slice(i * width, (i + 1) * width), [1, 1, t.shape[2], D]);
    };
    // All calls are made before the first has finished: they run in their order.
    const calls: Promise<flash.KvCacheResult>[] = [];
    for (let i = 0; i < N; i++) {
      const [qi, ki, vi] = [await token(q, i), await token(k, i), await token(v, i)];
      calls.push(flash.attentionWithKvCache(qi, cache, { k: ki, v: vi, cacheSeqlens: i, causal: true }));
    }
    const truth = await flash.attention(q, k, v, { layout: 'bnhd', causal: true, algorithm: 'reference' });
    const out = (await Promise.all(calls.map(async (call) => Array.from(await (await call).out.data())))).flat();
    await expectClose('out', out, truth.out);
  });

  test('a number of rows means that of every entry, in whatever list it comes', async () => {
    const cache = randomCache({ pages: B, rows: CAPACITY, Hk, D: 16, Dv: 16, element: 'f32' });
    const q = flash.randn([B, 1, H, 16], { seed: 1 });
    const [number, list, typed] = await Promise.all(
      [9, [9, 9], Int32Array.of(9, 9)].map(async (cacheSeqlens) =>
        bitsOf(await flash.attentionWithKvCache(q, cache, { cacheSeqlens })),
      ),
    );
    expect(list).toEqual(number);
    expect(typed).toEqual(number);
  });

  test.each([1, 4])(
    'an empty cache with %d split(s): out 0, lse -Infinity, beside one that is not',
    async (numSplits) => {
      const cache = randomCache({ pages: B, rows: CAPACITY, Hk, D: 16, Dv: 16, element: 'f32' });
      const q = flash.randn([B, 3, H, 16], { seed: 1 });
      const nothing = await bitsOf(await flash.attentionWithKvCache(q, cache, { cacheSeqlens: 0, numSplits }));
      expect(nothing).toEqual({
        out: new Float32Array(B * 3 * H * 16),
        lse: new Float32Array(B * H * 3).fill(-Infinity),
      });
      // Causal: the first of three queries over two keys sees none.
      const mixed = await flash.attentionWithKvCache(q, cache, { cacheSeqlens: [0, 2], causal: true, numSplits });
      const lse = await mixed.lse.data();
      expect(Array.from(lse, (x) => x === -Infinity)).toEqual([
        ...Array<boolean>(H * 3).fill(true),
        ...Array.from({ length: H }, () => [true, false, false]).flat(),
      ]);
      expect((await mixed.out.data()).slice(0, 4 * H * 16).every((x) => x === 0)).toBe(true);
    },
  );
});
