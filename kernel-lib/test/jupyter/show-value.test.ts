import { toMimeBundle, toMimeBundles } from '../../src/jupyter/session/display';
import { notebookFlash } from '../../src/jupyter/library';
import { tensorPreview } from '../../src/plots/tensor-preview';

jest.mock('../../src/jupyter/library', () => {
  const flash: unknown = jest.requireActual('../../src/node');
  return { notebookFlash: () => flash, loadedFlash: () => flash };
});
const flash = notebookFlash();
const shown = async (value: unknown): Promise<Record<string, string>> =>
  (await toMimeBundle(value)) as Record<string, string>;

describe('tensors', () => {
  test('dtype, shape, bytes, the first numbers and a map', async () => {
    const t = flash.tensor(
      Array.from({ length: 200 }, (_, n) => n - 50),
      [2, 10, 10],
      { dtype: 'f16' },
    );
    const { 'text/plain': text, 'text/html': html } = await shown(t);
    const lines = text.split('\n');
    expect(lines[0]).toBe('Tensor f16 (2,10,10), 400 bytes: [0,:,:]');
    expect(lines[3]).toBe('0  -50  -49  -48  -47  -46  -45  -44  -43  …');
    expect(lines).toHaveLength(3 + 6 + 1);
    expect(html).toContain('<svg');
    expect(html).toContain('<td');
  });

  test('of one axis, of none, without elements, with what is no number', async () => {
    expect((await shown(flash.tensor([1, NaN, -Infinity], [3])))['text/plain']).toContain('NaN');
    expect((await shown(flash.tensor([5], [])))['text/plain']).toContain('5');
    expect((await shown(flash.zeros([0, 3])))['text/plain']).toBe('Tensor f32 (0,3), 0 bytes');
    const { 'text/html': html } = await shown(flash.tensor([NaN, Infinity, 1, -2], [2, 2]));
    expect(html).not.toMatch(/NaN"|="Infinity/);
  });

  test('a disposed one says so', async () => {
    const t = flash.zeros([2]);
    t.dispose();
    expect(await shown(t)).toEqual({ 'text/plain': 'Tensor f32 (2), 8 bytes, disposed' });
  });

  test('inside of other values by their name', async () => {
    expect((await shown({ out: flash.zeros([2]) }))['text/plain']).toBe('{ out: Tensor f32 (2) }');
  });

  test('a large matrix becomes a small picture', () => {
    const numbers = new Float32Array(1000 * 1000).map((_, n) => Math.sin(n));
    const { html } = tensorPreview({ shape: [1000, 1000], numbers, title: '<t>' });
    expect(html.length).toBeLessThan(100_000);
    expect(html).not.toContain('<t>');
  });
});

describe('lists of objects', () => {
  test('are tables, escaped', async () => {
    const { 'text/html': html, 'text/plain': text } = await shown([
      { name: '<b>', n: 1 },
      { name: 'y', n: 2.5, list: [1, 2] },
    ]);
    expect(html).toContain('&lt;b&gt;');
    expect(html).toContain('<td style="padding:1px 8px;text-align:right">2.5</td>');
    expect(html).toContain('[ 1, 2 ]');
    expect(text).toContain("name: '<b>'");
  });

  test('long ones are cut, and say so', async () => {
    const html = (await shown(Array.from({ length: 1000 }, (_, n) => ({ n }))))['text/html'];
    expect(html).toContain('The first 200 of 1000 rows');
    expect(html.match(/<tr>/g)).toHaveLength(201);
  });

  test.each([[[1, 2]], [[{ a: 1 }]], [[{}, {}]], [[new Date(), new Date()]], [new Map()]])(
    '%j is none',
    async (value) => expect(Object.keys(await shown(value))).toEqual(['text/plain']),
  );
});

test('a report is shown in parts', async () => {
  const report = flash.memory({ heads: 1, seq: 64, dim: 8 });
  expect((await toMimeBundles(report)).map((part) => Object.keys(part)[0])).toEqual([
    'text/html',
    'application/vnd.plotly.v1+json',
  ]);
  expect(await toMimeBundles(5)).toEqual([{ 'text/plain': '5' }]);
});
