import * as flash from '../src/node';

// Bad input is refused before anything runs, so none of this needs a device.
const q = flash.zeros([1, 4, 6, 8]);
const k = flash.zeros([1, 2, 5, 8]);
const v = flash.zeros([1, 2, 5, 3]);
const gone = flash.zeros([1, 2, 5, 8]);
gone.dispose();

type Call = [name: string, args: unknown[], code: string, message: RegExp];

const calls: Call[] = [
  ['no tensor', [[1, 2], k, v], 'INVALID_ARGUMENT', /^q: expected a Tensor.*got \[1, 2\]/],
  ['nothing at all', [], 'INVALID_ARGUMENT', /^q: expected a Tensor.*undefined/],
  ['a wrong rank', [q, flash.zeros([2, 5, 8]), v], 'SHAPE', /^k: expected 4 axes, got shape \(2,5,8\)/],
  ['a wrong batch', [q, flash.zeros([2, 2, 5, 8]), v], 'SHAPE', /^k: expected shape \(1,2,5,8\).*got \(2,2,5,8\)/],
  ['a wrong head size', [q, flash.zeros([1, 2, 5, 9]), v], 'SHAPE', /^k: expected shape \(1,2,5,8\)/],
  ['lengths of k and v', [q, k, flash.zeros([1, 2, 4, 3])], 'SHAPE', /^v: expected shape \(1,2,5,3\).*got \(1,2,4,3\)/],
  [
    'heads that do not divide',
    [q, flash.zeros([1, 3, 5, 8]), flash.zeros([1, 3, 5, 8])],
    'SHAPE',
    /^k: .*divides the 4 heads of q, got 3/,
  ],
  [
    'an empty axis',
    [q, flash.zeros([1, 2, 0, 8]), flash.zeros([1, 2, 0, 3])],
    'SHAPE',
    /^k: expected every axis to be at least 1/,
  ],
  [
    'a head size above 256',
    [flash.zeros([1, 1, 1, 257]), flash.zeros([1, 1, 1, 257]), flash.zeros([1, 1, 1, 1])],
    'SHAPE',
    /^q: expected a head size of at most 256, got 257/,
  ],
  ['a disposed tensor', [q, gone, v], 'DISPOSED', /^k: expected a live tensor/],
  ['scale NaN', [q, k, v, { scale: NaN }], 'INVALID_ARGUMENT', /^scale: expected a finite number.*got NaN/],
  ['scale Infinity', [q, k, v, { scale: Infinity }], 'INVALID_ARGUMENT', /^scale: .*got Infinity/],
  ['scale as text', [q, k, v, { scale: '1' }], 'INVALID_ARGUMENT', /^scale: .*got '1'/],
  ['causal as a number', [q, k, v, { causal: 1 }], 'INVALID_ARGUMENT', /^causal: expected true or false, got 1/],
  ['another layout', [q, k, v, { layout: 'nhd' }], 'INVALID_ARGUMENT', /^layout: expected 'bhnd' or 'bnhd', got 'nhd'/],
  ['another algorithm', [q, k, v, { algorithm: 'flash9' }], 'INVALID_ARGUMENT', /^algorithm: .*got 'flash9'/],
  ['tiles of nothing', [q, k, v, { tiles: { br: 0, bc: 4 } }], 'INVALID_ARGUMENT', /^tiles\.br: .*got 0/],
  ['a signal that is none', [q, k, v, { signal: {} }], 'INVALID_ARGUMENT', /^signal: expected an AbortSignal/],
  [
    'progress that is none',
    [q, k, v, { onProgress: 3 }],
    'INVALID_ARGUMENT',
    /^onProgress: expected a function, got 3/,
  ],
  [
    'a name that is no option',
    [q, k, v, { casual: true }],
    'INVALID_ARGUMENT',
    /^casual: no such option, expected one of scale, causal/,
  ],
  ['options that are no object', [q, k, v, 7], 'INVALID_ARGUMENT', /^options: expected an object, got 7/],
  [
    'mixed dtypes',
    [q, flash.zeros([1, 2, 5, 8], { dtype: 'f16' }), v],
    'DTYPE',
    /^k: expected dtype 'f32', that of q, got 'f16'/,
  ],
  [
    'whole numbers',
    [flash.zeros([1, 4, 6, 8], { dtype: 'i8' }), k, v],
    'DTYPE',
    /^q: expected dtype 'f32' or 'f16', got 'i8'/,
  ],
  ['a window of one', [q, k, v, { window: [3] }], 'INVALID_ARGUMENT', /^window: expected \[left, right\].*got \[3\]/],
  ['a window below -1', [q, k, v, { window: [-2, 0] }], 'INVALID_ARGUMENT', /^window: .*got \[-2, 0\]/],
  ['a negative soft cap', [q, k, v, { softcap: -1 }], 'INVALID_ARGUMENT', /^softcap: .*got -1/],
  ['slopes for other heads', [q, k, v, { alibiSlopes: [1, 2] }], 'INVALID_ARGUMENT', /^alibiSlopes.*4 finite numbers/],
  ['slopes that are NaN', [q, k, v, { alibiSlopes: [1, 2, NaN, 4] }], 'INVALID_ARGUMENT', /^alibiSlopes\[2\]: .*NaN/],
  [
    'a bias of other scores',
    [q, k, v, { bias: flash.zeros([1, 4, 5, 6]) }],
    'SHAPE',
    /^bias: .*\(1,4,6,5\), got \(1,4,5,6\)/,
  ],
  ['a bias of f16 beside f32', [q, k, v, { bias: flash.zeros([5], { dtype: 'f16' }) }], 'DTYPE', /^bias: .*got 'f16'/],
  ['a bias that is a list', [q, k, v, { bias: [0] }], 'INVALID_ARGUMENT', /^bias: expected a Tensor/],
  ['a mask of five axes', [q, k, v, { mask: flash.zeros([1, 1, 1, 1, 1]) }], 'SHAPE', /^mask: .*got \(1,1,1,1,1\)/],
  ['dropout of everything', [q, k, v, { dropout: 1 }], 'INVALID_ARGUMENT', /^dropout: .*0 <= p < 1, got 1/],
  ['a seed of fractions', [q, k, v, { dropout: 0.5, seed: 0.5 }], 'INVALID_ARGUMENT', /^seed: .*got 0.5/],
];

test.each(calls)('attention refuses %s', async (_, args, code, message) => {
  const call = flash.attention as unknown as (...args: unknown[]) => Promise<unknown>;
  await expect(call(...args)).rejects.toMatchObject({
    name: 'FlashError',
    code,
    message: expect.stringMatching(message),
  });
});

test.each<[string, () => unknown, string, RegExp]>([
  ['a shape that is none', () => flash.zeros([2, -1]), 'SHAPE', /^shape: .*got \[2, -1\]/],
  ['a shape of fractions', () => flash.randn([1.5]), 'SHAPE', /^shape: .*got \[1.5\]/],
  ['too few numbers', () => flash.tensor([1, 2], [3]), 'SHAPE', /^data: expected 3 numbers for shape \(3\), got 2/],
  [
    'text',
    () => flash.tensor('abc' as never, [3]),
    'INVALID_ARGUMENT',
    /^data: expected an array of numbers, got 'abc'/,
  ],
  [
    'text among numbers',
    () => flash.tensor([1, 'x' as never], [2]),
    'INVALID_ARGUMENT',
    /^data\[1\]: expected a number, got 'x'/,
  ],
  ['a seed that is none', () => flash.randn([1], { seed: -1 }), 'INVALID_ARGUMENT', /^seed: .*got -1/],
])('a tensor refuses %s', (_, make, code, message) => {
  expect(make).toThrow(expect.objectContaining({ name: 'FlashError', code, message: expect.stringMatching(message) }));
});

test('data is copied at the call, and data() gives a copy', async () => {
  const numbers = Float32Array.of(1, 2, 3);
  const t = flash.tensor(numbers, [3]);
  numbers[0] = 9;
  (await t.data())[1] = 9;
  expect([...(await t.data())]).toEqual([1, 2, 3]);
});

test('randn is the standard normal distribution, the same for the same seed', async () => {
  const x = await flash.randn([200, 500], { seed: 7 }).data();
  const mean = x.reduce((sum, value) => sum + value, 0) / x.length;
  const variance = x.reduce((sum, value) => sum + (value - mean) ** 2, 0) / x.length;
  // Five standard errors of 1e5 samples.
  expect(Math.abs(mean)).toBeLessThan(5 / Math.sqrt(x.length));
  expect(Math.abs(variance - 1)).toBeLessThan(5 * Math.sqrt(2 / x.length));
  expect(await flash.randn([200, 500], { seed: 7 }).data()).toEqual(x);
  expect((await flash.randn([1], { seed: 8 }).data())[0]).not.toBe(x[0]);
});

test('tidy frees what it made and did not return, also across awaits and when it throws', async () => {
  const outside = flash.zeros([1]);
  let lost: flash.Tensor | undefined;
  const kept = await flash.tidy(async () => {
    lost = flash.zeros([1]);
    await new Promise((turn) => setTimeout(turn));
    return { list: [flash.zeros([2])], own: outside };
  });
  expect([lost?.disposed, kept.list[0].disposed, outside.disposed]).toEqual([true, false, false]);
  expect(() =>
    flash.tidy(() => {
      lost = flash.zeros([1]);
      throw new Error('in between');
    }),
  ).toThrow('in between');
  expect(lost?.disposed).toBe(true);
  let inner: flash.Tensor | undefined;
  flash.tidy(() => {
    inner = flash.tidy(() => flash.zeros([1]));
    expect(inner.disposed).toBe(false);
  });
  expect(inner?.disposed).toBe(true);
});
