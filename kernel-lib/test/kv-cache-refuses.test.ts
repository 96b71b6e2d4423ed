import * as flash from '../src/node';
import { randomCache } from './support/cache';
import { onEachAdapter } from './support/devices';

// What attentionWithKvCache refuses, by the argument's name, before it writes anything.

const [B, H, Hk, D] = [2, 4, 2, 16];
const [ENTRIES, ROWS] = [3, 40];

type Call = {
  q?: unknown;
  cache?: Partial<Record<keyof flash.KvCache, unknown>> | null;
  options?: Partial<Record<keyof flash.KvCacheCallOptions | 'dropout' | 'layout', unknown>>;
};

const zeros = (shape: number[], dtype: flash.DType = 'f32'): flash.Tensor => flash.zeros(shape, { dtype });
const newRows = (n: number): object => ({ k: zeros([B, n, Hk, D]), v: zeros([B, n, Hk, D]) });
const disposed = (shape: number[]): flash.Tensor => {
  const t = zeros(shape);
  t.dispose();
  return t;
};
const rotary = (more: object): object => ({
  rotary: { cos: zeros([ROWS, 4]), sin: zeros([ROWS, 4]), ...more },
});
const bytes = { k: zeros([ENTRIES, ROWS, Hk, D], 'i8'), v: zeros([ENTRIES, ROWS, Hk, D], 'i8') };
const scales = (blocks: number): flash.Tensor => zeros([ENTRIES, blocks, Hk]);

const BAD: [string, () => Call, flash.FlashErrorCode, RegExp][] = [
  ['three axes', () => ({ q: zeros([B, H, D]) }), 'SHAPE', /^q: expected 4 axes/],
  ['no queries', () => ({ q: zeros([B, 0, H, D]) }), 'SHAPE', /^q: .*at least 1/],
  ['queries of bytes', () => ({ q: zeros([B, 1, H, D], 'i8') }), 'DTYPE', /^q: .*'i8'/],
  ['no tensor', () => ({ q: [1, 2] }), 'INVALID_ARGUMENT', /^q: expected a Tensor/],
  ['heads that do not divide', () => ({ q: zeros([B, 1, 3, D]) }), 'SHAPE', /3 heads of q, got 2/],
  ['another head size', () => ({ q: zeros([B, 1, H, 8]) }), 'SHAPE', /^cache\.k: .*head size 8 of q/],
  [
    'more entries than the cache has',
    () => ({ q: zeros([4, 1, H, D]) }),
    'SHAPE',
    /^cache\.k: .*at least 4 entries.*got 3/,
  ],
  ['no cache', () => ({ cache: null }), 'INVALID_ARGUMENT', /^cache: expected \{ k, v \}/],
  ['no values', () => ({ cache: { v: undefined } }), 'INVALID_ARGUMENT', /^cache\.v: expected a Tensor/],
  ['a cache that is gone', () => ({ cache: { k: disposed([ENTRIES, ROWS, Hk, D]) } }), 'DISPOSED', /^cache\.k: /],
  ['values of another length', () => ({ cache: { v: zeros([ENTRIES, 39, Hk, D]) } }), 'SHAPE', /^cache\.v: /],
  [
    'values of another dtype',
    () => ({ cache: { v: zeros([ENTRIES, ROWS, Hk, D], 'f16') } }),
    'DTYPE',
    /^cache\.v: .*'f16'/,
  ],
  ['a cache of bool', () => ({ cache: { k: zeros([ENTRIES, ROWS, Hk, D], 'bool') } }), 'DTYPE', /^cache\.k: .*'bool'/],
  ['bytes without scales', () => ({ cache: bytes }), 'INVALID_ARGUMENT', /^cache\.kScales: expected a Tensor/],
  [
    'too few scales',
    () => ({ cache: { ...bytes, kScales: scales(1), vScales: scales(2) } }),
    'SHAPE',
    /^cache\.kScales: .*\(3,2,2\)/,
  ],
  [
    'scales in halves',
    () => ({ cache: { ...bytes, kScales: scales(2), vScales: zeros([ENTRIES, 2, Hk], 'f16') } }),
    'DTYPE',
    /^cache\.vScales: /,
  ],
  [
    'keys without values',
    () => ({ options: { k: zeros([B, 1, Hk, D]) } }),
    'INVALID_ARGUMENT',
    /^v: expected a Tensor/,
  ],
  [
    'values without keys',
    () => ({ options: { v: zeros([B, 1, Hk, D]) } }),
    'INVALID_ARGUMENT',
    /^k: expected a Tensor/,
  ],
  ['keys of another batch', () => ({ options: { ...newRows(1), k: zeros([1, 1, Hk, D]) } }), 'SHAPE', /^k: /],
  ['more values than keys', () => ({ options: { ...newRows(1), v: zeros([B, 2, Hk, D]) } }), 'SHAPE', /^v: /],
  [
    'keys of another dtype than q',
    () => ({ options: { ...newRows(1), k: zeros([B, 1, Hk, D], 'f16') } }),
    'DTYPE',
    /^k: /,
  ],
  ['no new rows', () => ({ options: newRows(0) }), 'SHAPE', /^k: .*at least 1/],
  [
    'no lengths',
    () => ({ options: { cacheSeqlens: undefined } }),
    'INVALID_ARGUMENT',
    /^cacheSeqlens: .*got undefined/,
  ],
  ['a negative length', () => ({ options: { cacheSeqlens: [3, -1] } }), 'INVALID_ARGUMENT', /^cacheSeqlens\[1\]: .*-1/],
  ['half a row', () => ({ options: { cacheSeqlens: 1.5 } }), 'INVALID_ARGUMENT', /^cacheSeqlens: /],
  ['three lengths', () => ({ options: { cacheSeqlens: [1, 2, 3] } }), 'INVALID_ARGUMENT', /^cacheSeqlens: .*2 of them/],
  [
    'longer than the cache',
    () => ({ options: { cacheSeqlens: [3, 41] } }),
    'SHAPE',
    /^cacheSeqlens\[1\]: .*at most 40/,
  ],
  [
    'full',
    () => ({ options: { ...newRows(3), cacheSeqlens: 38 } }),
    'SHAPE',
    /^cacheSeqlens\[0\]: .*at most 37 rows before 3/,
  ],
  [
    'an entry that is not there',
    () => ({ options: { cacheBatchIdx: [0, 3] } }),
    'INVALID_ARGUMENT',
    /^cacheBatchIdx\[1\]: .*0 to 2/,
  ],
  ['one entry for two', () => ({ options: { cacheBatchIdx: [0] } }), 'INVALID_ARGUMENT', /^cacheBatchIdx: expected 2/],
  [
    'two that append to one',
    () => ({ options: { ...newRows(1), cacheBatchIdx: [1, 1] } }),
    'INVALID_ARGUMENT',
    /^cacheBatchIdx: /,
  ],
  [
    'entries and pages',
    () => ({ options: { cacheBatchIdx: [0, 1], blockTable: [[0], [1]] } }),
    'INVALID_ARGUMENT',
    /^cacheBatchIdx: /,
  ],
  ['a table of one row', () => ({ options: { blockTable: [[0, 1]] } }), 'INVALID_ARGUMENT', /^blockTable: expected 2/],
  ['an empty row', () => ({ options: { blockTable: [[0], []] } }), 'INVALID_ARGUMENT', /^blockTable\[1\]: /],
  [
    'a page that is not there',
    () => ({ options: { blockTable: [[0], [3]] } }),
    'INVALID_ARGUMENT',
    /^blockTable\[1\]\[0\]: .*0 to 2/,
  ],
  [
    'too few pages',
    () => ({ options: { blockTable: [[0], [1]], cacheSeqlens: [5, 41] } }),
    'SHAPE',
    /^cacheSeqlens\[1\]: /,
  ],
  [
    'two that append to one page',
    () => ({
      options: {
        ...newRows(1),
        blockTable: [
          [0, 1],
          [2, 1],
        ],
        cacheSeqlens: 40,
      },
    }),
    'INVALID_ARGUMENT',
    /^blockTable: .*got 1 for entries 0 and 1/,
  ],
  [
    'splits by halves',
    () => ({ options: { numSplits: 1.5 } }),
    'INVALID_ARGUMENT',
    /^numSplits: .*0 \(choose\) to 128/,
  ],
  ['too many splits', () => ({ options: { numSplits: 129 } }), 'INVALID_ARGUMENT', /^numSplits: .*got 129/],
  ['sines of another shape', () => ({ options: rotary({ sin: zeros([ROWS, 3]) }) }), 'SHAPE', /^rotary\.sin: /],
  [
    'too wide a rotary',
    () => ({ options: rotary({ cos: zeros([ROWS, 9]), sin: zeros([ROWS, 9]) }) }),
    'SHAPE',
    /^rotary\.cos: .*1 to 8/,
  ],
  [
    'too few positions',
    () => ({ options: { ...newRows(2), ...rotary({ cos: zeros([6, 4]), sin: zeros([6, 4]) }), cacheSeqlens: 5 } }),
    'SHAPE',
    /^rotary\.cos: expected at least 7 rows/,
  ],
  [
    'no cosines',
    () => ({ options: { rotary: { sin: zeros([ROWS, 4]) } } }),
    'INVALID_ARGUMENT',
    /^rotary\.cos: expected a Tensor/,
  ],
  [
    'halves for f32',
    () => ({ options: rotary({ cos: zeros([ROWS, 4], 'f16'), sin: zeros([ROWS, 4], 'f16') }) }),
    'DTYPE',
    /^rotary: /,
  ],
  [
    'interleaved of a word',
    () => ({ options: rotary({ interleaved: 'yes' }) }),
    'INVALID_ARGUMENT',
    /^rotary\.interleaved: /,
  ],
  ['another name in rotary', () => ({ options: rotary({ base: 1e4 }) }), 'INVALID_ARGUMENT', /^base: no such option/],
  ['dropout', () => ({ options: { dropout: 0.1 } }), 'INVALID_ARGUMENT', /^dropout: no such option/],
  ['a layout', () => ({ options: { layout: 'bhnd' } }), 'INVALID_ARGUMENT', /^layout: no such option/],
  ['a window of one', () => ({ options: { window: [3] } }), 'INVALID_ARGUMENT', /^window: /],
  ['a negative softcap', () => ({ options: { softcap: -1 } }), 'INVALID_ARGUMENT', /^softcap: /],
  ['three slopes', () => ({ options: { alibiSlopes: [1, 2, 3] } }), 'INVALID_ARGUMENT', /^alibiSlopes/],
  ['a bias of another length', () => ({ options: { bias: zeros([1, 1, 1, 12]) } }), 'SHAPE', /^bias: .*\(2,4,1,10\)/],
  ['an infinite scale', () => ({ options: { scale: Infinity } }), 'INVALID_ARGUMENT', /^scale: /],
];

onEachAdapter('what a call over a cache refuses', () => {
  const cache = randomCache({ pages: ENTRIES, rows: ROWS, Hk, D, Dv: D, element: 'f32' });
  let before: Float32Array[];
  const content = (): Promise<Float32Array[]> => Promise.all([cache.k.data(), cache.v.data()]);
  beforeAll(async () => {
    before = await content();
  });

  test.each(BAD)('%s', async (_, call, code, message) => {
    const { q = zeros([B, 1, H, D]), cache: other, options } = call();
    const given = other === null ? null : { ...cache, ...other };
    const attending = flash.attentionWithKvCache(
      q as flash.Tensor,
      given as flash.KvCache,
      {
        cacheSeqlens: 10,
        ...options,
      } as flash.KvCacheCallOptions,
    );
    await expect(attending).rejects.toMatchObject({
      ...{ name: 'FlashError', code },
      message: expect.stringMatching(message),
    });
    expect(await content()).toEqual(before);
  });

  test('nothing at all', async () => {
    const q = zeros([B, 1, H, D]);
    await expect(flash.attentionWithKvCache(q, cache, undefined as never)).rejects.toThrow(
      /^options: expected an object/,
    );
  });
});

test.each<[string, object, RegExp]>([
  ['no batch', { batch: undefined }, /^batch: .*got undefined/],
  ['no rows', { seq: 0 }, /^seq: expected a whole number >= 1, got 0/],
  ['half a head', { kvHeads: 0.5 }, /^kvHeads: /],
  ['pages of nothing', { pageSize: 0 }, /^pageSize: /],
  ['a negative head size', { dimV: -4 }, /^dimV: /],
  ['a cache of bool', { dtype: 'bool' }, /^dtype: .*'f32' or 'f16' or 'i8', got 'bool'/],
  ['another name', { heads: 3 }, /^heads: no such option/],
])('kvCache refuses %s', (_, options, message) => {
  const call = (): unknown => flash.kvCache({ batch: 2, kvHeads: 2, seq: 8, dim: 4, ...options } as never);
  expect(call).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringMatching(message) }));
});
