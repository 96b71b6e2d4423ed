import { attention, randn } from '../src/node';
import { maxSeqLen, memory, type MaxSeqLenOptions, type MemoryOptions } from '../src/experiments/memory';
import { DISPLAY } from '../src/plots/figure';
import { elements, parseXml } from './support/xml';
import { onEachAdapter } from './support/devices';

const GIB = 2 ** 30;

test('the known totals: 1 GiB and 96 MiB', () => {
  const report = memory({ heads: 32, seq: 4096, dim: 128, dtype: 'f16' });
  expect(report).toMatchObject({ standardBytes: GIB, flashBytes: 96 * 2 ** 20, savings: 1 - 96 / 1024 });
  expect(memory({ batch: 3, heads: 2, seq: 10, dim: 4 })).toMatchObject({
    standardBytes: 3 * 2 * 10 * 10 * 4,
    flashBytes: 3 * 3 * 2 * 10 * 4 * 4,
    savings: 1 - 12 / 10,
    dtype: 'f32',
  });
});

test('what is really held has out and lse too, and a float32 score matrix', () => {
  const { measured } = memory({ heads: 32, seq: 4096, dim: 128, dtype: 'f16' });
  const [rows, small] = [32 * 4096, 64];
  const flash2 = 2 * 4 * rows * 128 + 4 * rows;
  expect(measured.flash2).toBeGreaterThanOrEqual(flash2);
  expect(measured.flash2).toBeLessThan(flash2 + small);
  expect(measured.naive - measured.flash2).toBe(4 * rows * 4096);
});

onEachAdapter('measured memory', () => {
  test.each([[{ heads: 2, seq: 24, dim: 8 }], [{ batch: 2, heads: 3, seq: 13, dim: 8, dtype: 'f16' as const }]])(
    '%j is what a call holds on the device',
    async (sizes) => {
      const { batch, heads, seq, dim, dtype, measured } = memory(sizes);
      const make = (seed: number) => randn([batch, heads, seq, dim], { seed, dtype });
      const [q, k, v] = [make(1), make(2), make(3)];
      for (const algorithm of ['flash2', 'naive'] as const) {
        const result = await attention(q, k, v, { algorithm });
        expect(result.info.deviceBytes).toBe(measured[algorithm]);
        result.dispose();
      }
      for (const tensor of [q, k, v]) tensor.dispose();
    },
  );
});

test('the sweep halves down to 16 and its last point is the report', () => {
  const { sweep, standardBytes, flashBytes, measured } = memory({ heads: 1, seq: 100, dim: 8 });
  expect(sweep.map(({ seq }) => seq)).toEqual([25, 50, 100]);
  expect(sweep.at(-1)).toEqual({ seq: 100, standardBytes, flashBytes, measured });
  expect(sweep[1].standardBytes).toBe(standardBytes / 4);
});

test('the report shows formulas beside what is allocated, as text, html, plotly and svg', () => {
  const report = memory({ heads: 32, seq: 4096, dim: 128, dtype: 'f16' });
  const text = report.toString();
  expect(text).toContain('B 1, H 32, N 4096, D 128, f16: by the usual formulas FlashAttention takes 10.7 times less');
  expect(text).toMatch(/standard, formula +B\*H\*N²\*b: the score matrix +1 GiB +1,073,741,824\n/);
  expect(text).toMatch(/flash, formula .* 96 MiB +100,663,296\n/);
  expect(memory({ heads: 1, seq: 16, dim: 64 }).toString()).toContain('saves nothing');
  const root = parseXml(`<div>${String(report.parts()[0]['text/html'])}</div>`);
  expect(elements(root, 'tr')).toHaveLength(5);
  const { data, layout } = report.figure.plotly;
  expect(data.map(({ name }) => name)).toEqual([
    'naive, allocated',
    'standard, formula',
    'flash2, allocated',
    'flash, formula',
  ]);
  expect(data[1]).toMatchObject({ x: [32, 64, 128, 256, 512, 1024, 2048, 4096], line: { dash: 'dash' } });
  expect((data[1].y as number[]).at(-1)).toBe(1024);
  expect(layout).not.toHaveProperty('grid');
  expect(layout).not.toHaveProperty('yaxis2');
  expect(elements(parseXml(report.figure.svg), 'text').map((one) => one.text)).toContain('device memory (MiB)');
  expect(Object.keys(report[DISPLAY]())).toHaveLength(4);
});

test.each<[MaxSeqLenOptions, number]>([
  [{ memoryBytes: 80 * GIB, heads: 32, dim: 128, dtype: 'f16' }, 2796202],
  [{ memoryBytes: 80 * GIB, heads: 32, dim: 128, dtype: 'f16', attention: 'standard' }, 32768],
  [{ memoryBytes: 3 * 4 * 8 * 100, heads: 1, dim: 8, reserve: 0 }, 100],
  [{ memoryBytes: 3 * 4 * 8 * 100 - 1, heads: 1, dim: 8, reserve: 0 }, 99],
  [{ memoryBytes: 3 * 4 * 8 * 100, batch: 2, heads: 5, dim: 8, reserve: 0 }, 10],
  [{ memoryBytes: 10, heads: 1, dim: 8 }, 0],
])('the longest sequence for %j is %i', (options, longest) => expect(maxSeqLen(options)).toBe(longest));

test('the longest sequence fits and one token more does not', () => {
  const options = { heads: 7, dim: 40, dtype: 'f16' } as const;
  const seq = maxSeqLen({ ...options, memoryBytes: 12_345_678, reserve: 0.1 });
  const fits = (length: number): boolean => memory({ ...options, seq: length }).flashBytes <= 0.9 * 12_345_678;
  expect([fits(seq), fits(seq + 1)]).toEqual([true, false]);
});

test.each<[string, unknown, RegExp]>([
  ['no heads', { seq: 4, dim: 8 }, /^heads: expected a whole number.*got undefined/],
  ['no length', { heads: 4, dim: 8 }, /^seq: .*got undefined/],
  ['too wide a head', { heads: 4, seq: 4, dim: 257 }, /^dim: .*256, got 257/],
  ['integers', { heads: 4, seq: 4, dim: 8, dtype: 'i8' }, /^dtype: expected 'f32' or 'f16', got 'i8'/],
  ['an unknown option', { heads: 4, seq: 4, dim: 8, kvHeads: 2 }, /^kvHeads: no such option/],
])('memory refuses %s', (_, options, message) => {
  expect(() => memory(options as MemoryOptions)).toThrow(
    expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringMatching(message) }),
  );
});

test.each<[string, object, RegExp]>([
  ['no memory', {}, /^memoryBytes: expected a number of bytes, got undefined/],
  ['an infinite one', { memoryBytes: Infinity }, /^memoryBytes: /],
  ['a reserve of everything', { memoryBytes: 9, reserve: 1 }, /^reserve: .*got 1/],
  ['another attention', { memoryBytes: 9, attention: 'naive' }, /^attention: /],
  ['a length', { memoryBytes: 9, seq: 5 }, /^seq: no such option/],
])('maxSeqLen refuses %s', (_, options, message) => {
  const call = (): number => maxSeqLen({ heads: 1, dim: 8, ...options } as MaxSeqLenOptions);
  expect(call).toThrow(expect.objectContaining({ message: expect.stringMatching(message) }));
});
