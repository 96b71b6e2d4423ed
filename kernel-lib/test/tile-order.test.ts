import { tileOrderFigure, type TileOrder } from '../src/plots/tile-order';
import { elements, parseXml, type XmlElement } from './support/xml';

const EVIL = '<script>alert("1") & \'2\'</script>';

const byColumns = (rows: number, columns: number): { i: number; j: number }[] =>
  Array.from({ length: rows * columns }, (_, step) => ({ i: step % rows, j: Math.floor(step / rows) }));

const order = (rows: number, columns: number, more: Partial<TileOrder> = {}): TileOrder => ({
  ...{ title: 'order', rows, columns },
  panels: [{ title: 'one', visits: byColumns(rows, columns) }],
  ...more,
});

const numbers = (svg: XmlElement): XmlElement[] =>
  elements(svg, 'text').filter(({ attributes }) => attributes['font-size'] === '10' && attributes['font-weight']);

test('a skipped tile has no shade, no number and no place on the path', () => {
  const visits = [
    { i: 0, j: 0 },
    { i: 1, j: 1 },
  ];
  const figure = tileOrderFigure(order(2, 2, { panels: [{ title: 'one', visits }] }));
  const [heatmap, path] = figure.plotly.data as [{ z: (number | null)[][] }, { x: number[]; y: number[] }];
  expect(heatmap.z.map((row) => row.map((z) => z !== null))).toEqual([
    [true, false],
    [false, true],
  ]);
  expect(heatmap.z[1][1]!).toBeGreaterThan(heatmap.z[0][0]!);
  expect([path.x, path.y]).toEqual([
    [0, 1],
    [0, 1],
  ]);
  const svg = parseXml(figure.svg);
  expect(numbers(svg).map(({ text }) => text)).toEqual(['1', '2']);
  const shaded = elements(svg, 'path').filter(({ attributes }) => attributes['fill-opacity']);
  expect(shaded.flatMap(({ attributes }) => attributes.d!.match(/M/g))).toHaveLength(2);
  expect(figure.text).toMatch(/one\ni \\ j.*\n.*\n +0 +1 +\.\n +1 +\. +2$/);
});

test.each([
  [1, 1],
  [16, 16],
  [3, 16],
  [17, 4],
  [128, 128],
])('%i x %i tiles lie inside the picture, with numbers where there is room for them', (rows, columns) => {
  const svg = parseXml(tileOrderFigure(order(rows, columns)).svg);
  const [, , width, height] = svg.attributes.viewBox!.split(' ').map(Number) as [number, number, number, number];
  expect(numbers(svg)).toHaveLength(Math.max(rows, columns) <= 16 ? rows * columns : 0);
  for (const { attributes } of elements(svg, 'text')) {
    expect(Number(attributes.x)).toBeGreaterThan(0);
    expect(Number(attributes.x)).toBeLessThan(width);
    expect(Number(attributes.y)).toBeLessThan(height);
  }
  const ends = elements(svg, 'path').flatMap(({ attributes }) => [...attributes.d!.matchAll(/[ML]([\d.]+) ([\d.]+)/g)]);
  expect(Math.max(...ends.map(([, x]) => Number(x)))).toBeLessThan(width);
  expect(Math.max(...ends.map(([, , y]) => Number(y)))).toBeLessThan(height);
});

test('labels are escaped; paper and font are left to the theme', () => {
  const evil = tileOrderFigure(order(2, 2, { title: EVIL, notes: [EVIL], panels: [{ title: EVIL, visits: [] }] }));
  expect(evil.svg).not.toContain('<script');
  expect(elements(parseXml(evil.svg), 'text').filter(({ text }) => text === EVIL)).toHaveLength(3);
  const json = JSON.stringify(evil.plotly);
  for (const word of ['<script', 'paper_bgcolor', 'plot_bgcolor', '"font"', 'NaN']) expect(json).not.toContain(word);
});
