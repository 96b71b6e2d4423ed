import { attentionMap } from '../src/plots/attention-map';
import { escapeXml } from '../src/plots/escape';
import { DISPLAY, displayFigure } from '../src/plots/figure';
import { formatBytes, formatMs, formatNumber } from '../src/plots/numbers';
import { speedMemoryFigure, type SpeedMemoryRow } from '../src/plots/speed-memory';
import { logAxis, project } from '../src/plots/svg';
import { htmlTable, textTable } from '../src/plots/table';
import { elements, parseXml, type XmlElement } from './support/xml';

const EVIL = '<script>alert("1") & \'2\'</script>';

/** Every text of a drawing. */
function texts(svg: XmlElement): string[] {
  return elements(svg, 'text').map((element) => element.text);
}

/** Every string in a JSON value, keys left out. */
function strings(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return value && typeof value === 'object' ? Object.values(value).flatMap(strings) : [];
}

function sweep(lengths: readonly number[]): SpeedMemoryRow[] {
  return lengths.flatMap((seq) =>
    ['flash2', 'naive'].flatMap((algorithm) =>
      (['forward', 'backward'] as const).map((pass) => ({
        seq,
        algorithm,
        pass,
        ms: seq / 50,
        deviceBytes: seq * 4096,
      })),
    ),
  );
}

describe('parseXml, which judges the drawings', () => {
  test.each(['<a>', '<a></b>', '<a>&nbsp;</a>', '<a b="1" b="2"/>', '<a/><b/>', '<a>x < y</a>', '<a>\u0001</a>'])(
    'refuses %j',
    (source) => expect(() => parseXml(source)).toThrow(),
  );

  test('reads elements, attributes and entities', () => {
    const root = parseXml('<a b="1 &lt; 2"><c/>x &amp; y</a>');
    expect(root).toMatchObject({ name: 'a', attributes: { b: '1 < 2' }, text: 'x & y', children: [{ name: 'c' }] });
  });
});

describe('speedMemoryFigure', () => {
  const figure = speedMemoryFigure(sweep([64, 128, 256]), { title: EVIL, notes: [EVIL], warning: `FAILED ${EVIL}` });

  test('plotly: a trace for each algorithm, pass and panel, on two pairs of labelled logarithmic axes', () => {
    const { data, layout } = figure.plotly;
    expect(data.map((trace) => [trace.name, trace.xaxis, trace.yaxis])).toEqual(
      ['', '2'].flatMap((n) =>
        ['flash2 forward', 'flash2 backward', 'naive forward', 'naive backward'].map((name) => [
          name,
          `x${n}`,
          `y${n}`,
        ]),
      ),
    );
    expect(data[0]).toMatchObject({ type: 'scatter', x: [64, 128, 256], y: [1.28, 2.56, 5.12] });
    expect(data[4]).toMatchObject({ x: [64, 128, 256], y: [0.25, 0.5, 1] });
    expect(layout).toMatchObject({
      xaxis: { type: 'log', title: { text: 'sequence length (tokens)' } },
      yaxis: { type: 'log', title: { text: 'time (ms)' } },
      yaxis2: { type: 'log', title: { text: 'device memory (MiB)' } },
    });
  });

  test('plotly: plain JSON that leaves the colours of paper and font to the theme', () => {
    expect(JSON.parse(JSON.stringify(figure.plotly))).toEqual(figure.plotly);
    const keys = JSON.stringify(figure.plotly.layout);
    for (const key of ['paper_bgcolor', 'plot_bgcolor', '"font"', 'template']) expect(keys).not.toContain(key);
  });

  test('svg: well-formed, scalable, with units, ticks and a legend', () => {
    const svg = parseXml(figure.svg);
    expect(svg.attributes.viewBox).toMatch(/^0 0 \d+ \d+$/);
    expect(svg.attributes).toMatchObject({
      xmlns: 'http://www.w3.org/2000/svg',
      width: '800',
      style: expect.any(String),
    });
    expect(texts(svg)).toEqual(
      expect.arrayContaining([
        'time (ms)',
        'device memory (MiB)',
        'sequence length (tokens)',
        '64',
        '128',
        '256',
        '0.5',
      ]),
    );
    expect(texts(svg)).toEqual(expect.arrayContaining(['flash2 forward', 'naive backward', 'Speed', 'Memory']));
    // Four lines a panel with three marks each, and one mark for each legend entry.
    expect(elements(svg, 'circle')).toHaveLength(2 * 2 * 3 + 2);
    expect(elements(svg, 'rect')).toHaveLength(2 * 2 * 3 + 2);
  });

  test('everything drawn lies inside the picture', () => {
    const svg = parseXml(figure.svg);
    const [, , width, height] = svg.attributes.viewBox!.split(' ').map(Number) as [number, number, number, number];
    for (const mark of elements(svg, 'circle')) {
      expect(Number(mark.attributes.cx)).toBeGreaterThan(0);
      expect(Number(mark.attributes.cx)).toBeLessThan(width);
      expect(Number(mark.attributes.cy)).toBeGreaterThan(0);
      expect(Number(mark.attributes.cy)).toBeLessThan(height);
    }
  });

  test('labels are escaped in the drawing and in plotly', () => {
    expect(figure.svg).not.toContain('<script');
    expect(texts(parseXml(figure.svg))).toContain(EVIL);
    expect(strings(figure.plotly).filter((text) => text.includes('<script'))).toEqual([]);
    expect(strings(figure.plotly).some((text) => text.includes('&lt;script&gt;'))).toBe(true);
  });

  test('a warning stands in all three forms', () => {
    expect(figure.text).toContain('FAILED');
    expect(texts(parseXml(figure.svg)).some((text) => text.startsWith('FAILED'))).toBe(true);
    expect(strings(figure.plotly).some((text) => text.includes('FAILED'))).toBe(true);
  });

  test('what was not run, or took no measurable time, is a gap and no point', () => {
    const rows = sweep([64, 128, 256]).map((row) => (row.seq === 128 ? { ...row, ms: null, deviceBytes: 0 } : row));
    const gap = speedMemoryFigure(rows, { title: 'gap' });
    for (const trace of gap.plotly.data) expect(trace.x).toEqual([64, 256]);
    expect(gap.text).toMatch(/flash2 forward +128 +- +0\n/);
    parseXml(gap.svg);
  });

  test('the order of the rows does not matter, and one point or none is a figure too', () => {
    const [ordered, shuffled] = [sweep([64, 128]), sweep([128, 64])].map((rows) =>
      speedMemoryFigure(rows, { title: 't' }),
    );
    expect(shuffled).toEqual(ordered);
    for (const lengths of [[], [1]]) {
      const { svg } = speedMemoryFigure(sweep(lengths), { title: 'few' });
      expect(parseXml(svg).name).toBe('svg');
      expect(svg).not.toMatch(/NaN|Infinity/);
    }
  });
});

describe('logAxis', () => {
  test.each([
    [
      [1, 900],
      ['1', '10', '100', '1000'],
    ],
    [
      [0.3, 2.9],
      ['0.2', '0.5', '1', '2', '5'],
    ],
    [
      [1.4, 1.5],
      ['1', '2'],
    ],
    [
      [1e-3, 5e6],
      ['0.001', '0.1', '10', '1000', '100000', '10000000'],
    ],
  ])('%j has ticks %j', (values, ticks) => {
    const axis = logAxis('', values as number[]);
    expect(axis.ticks.map((tick) => tick.text)).toEqual(ticks);
    expect(axis.domain[0]).toBeLessThan(Math.min(...(values as number[])));
    expect(axis.domain[1]).toBeGreaterThan(Math.max(...(values as number[])));
  });

  test('thinned ticks keep the largest length', () => {
    const lengths = [16, 32, 64, 128, 256, 512, 1024];
    const axis = logAxis('', lengths, 4, lengths);
    expect(axis.ticks.map((tick) => tick.value)).toEqual([16, 64, 256, 1024]);
  });

  test('project is linear in the logarithm', () => {
    const at = project({ label: '', log: true, domain: [1, 100], ticks: [] }, 0, 200);
    expect([at(1), at(10), at(100)]).toEqual([0, 100, 200]);
  });
});

describe('attentionMap', () => {
  const words = ['the', 'cat', 'the', EVIL];
  const p = [
    [0.7, 0.1, 0.1, 0.1],
    [0, 0.5, 0.25, 0.25],
  ];

  test('gives plotly, svg and text by the display method', () => {
    const map = attentionMap(p, { rows: [1, 3], words, title: 'head 2' });
    const bundle = map[DISPLAY]();
    expect(bundle).toEqual(displayFigure(map));
    expect(Object.keys(bundle)).toEqual(['application/vnd.plotly.v1+json', 'image/svg+xml', 'text/plain']);
    expect(Symbol.for('Jupyter.display') in map).toBe(true);
  });

  test('rows are queries and columns keys; repeated words stay apart', () => {
    const [trace] = attentionMap(p, { rows: [1, 2], words }).plotly.data as [
      { x: string[]; y: string[]; z: number[][] },
    ];
    expect(trace.z).toEqual(p);
    expect(trace.y).toEqual(['cat', 'the']);
    expect(new Set(trace.x).size).toBe(4);
    expect(trace.x.map((label) => label.replaceAll('\u200b', ''))).toEqual([
      'the',
      'cat',
      'the',
      escapeXml(EVIL).replaceAll('&quot;', '"').replaceAll('&#39;', "'"),
    ]);
  });

  test('a flat Float32Array is read row by row', () => {
    const flat = attentionMap(new Float32Array(p.flat()), { rows: [0, 1], words });
    const [trace] = flat.plotly.data as [{ z: number[][] }];
    expect(trace.z).toEqual(p.map((row) => row.map(Math.fround)));
  });

  test('svg: every cell above 0 is drawn once, darker for more', () => {
    const svg = parseXml(attentionMap(p, { rows: [0, 1], words }).svg);
    const shades = elements(svg, 'path').filter((path) => path.attributes['fill-opacity']);
    const byShade = shades.map((path) => [
      Number(path.attributes['fill-opacity']),
      path.attributes.d!.match(/M/g)!.length,
    ]);
    // 0.1 three times and 0.25 twice are neighbours, so they are one rectangle each.
    expect(byShade).toEqual([
      [0.14, 1],
      [0.36, 1],
      [0.72, 1],
      [1, 1],
    ]);
    expect(texts(svg)).toEqual(expect.arrayContaining(['query', 'key', 'p', 'cat']));
  });

  test('labels are escaped, long ones shortened', () => {
    const map = attentionMap(p, { rows: [0, 3], words, title: EVIL });
    expect(map.svg).not.toContain('<script');
    expect(strings(map.plotly).filter((text) => text.includes('<script'))).toEqual([]);
    expect(texts(parseXml(map.svg))).toContain(`${EVIL.slice(0, 15)}…`);
  });

  test('labels of a large map are thinned so that none touch', () => {
    const size = 200;
    const names = Array.from({ length: size }, (_, w) => `w${w}`);
    const map = attentionMap(new Float32Array(size * size).fill(1 / size), { words: names });
    const rows = elements(parseXml(map.svg), 'text').filter(
      (t) => t.attributes['text-anchor'] === 'end' && !t.attributes.transform,
    );
    const y = rows.map((row) => Number(row.attributes.y));
    expect(y.length).toBeGreaterThan(10);
    for (let i = 1; i < y.length; i++) expect(y[i]! - y[i - 1]!).toBeGreaterThanOrEqual(11);
  });

  test.each<[string, () => unknown, RegExp]>([
    ['a row too short', () => attentionMap([[1, 0]], { words }), /weights\[0\].*expected 4.*got 2/],
    [
      'a flat size that is no whole number of rows',
      () => attentionMap(new Float32Array(6), { words }),
      /weights.*rows of 4.*got 6/,
    ],
    ['rows of another count', () => attentionMap(p, { words, rows: [0] }), /rows.*expected 2.*got 1/],
    ['a row without a word', () => attentionMap(p, { words, rows: [0, 4] }), /rows\[1\].*below 4.*got 4/],
    ['NaN', () => attentionMap([[0, NaN, 0, 0]], { words }), /weights\[0\]\[1\].*got NaN/],
    ['no words', () => attentionMap(p, { words: [] }), /words.*at least one/],
    ['too many words', () => attentionMap([Array(2000).fill(0)], { words: Array(2000).fill('w') }), /at most 1024/],
  ])('refuses %s', (_, call, message) => {
    expect(call).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringMatching(message) }),
    );
  });
});

describe('tables and numbers', () => {
  const table = {
    header: ['name', 'n'],
    rows: [
      ['a', '1'],
      [EVIL, '22'],
    ],
    numeric: [1],
    failed: [1],
    caption: EVIL,
  };

  test('text columns line up and failures are marked', () => {
    const lines = textTable(table).split('\n');
    expect(new Set([lines[1], lines[3], lines[4]].map((line) => line!.length)).size).toBe(1);
    expect(lines[4]).toMatch(/^! /);
    expect(lines[3]).toMatch(/^ {2}a .* 1$/);
  });

  test('html is well-formed, escaped and marks failures', () => {
    const root = parseXml(htmlTable(table));
    expect(elements(root, 'td').map((cell) => cell.text)).toEqual(['a', '1', EVIL, '22']);
    expect(elements(root, 'script')).toEqual([]);
    expect(elements(root, 'tr').map((row) => 'style' in row.attributes)).toEqual([false, false, true]);
  });

  test.each([
    [formatNumber(0), '0'],
    [formatNumber(12345.6), '12346'],
    [formatNumber(0.012345), '0.0123'],
    [formatNumber(1.5), '1.5'],
    [formatNumber(999.96), '1000'],
    [formatNumber(-0.5), '-0.5'],
    [formatNumber(3e-7), '3.00e-7'],
    [formatNumber(NaN), 'NaN'],
    [formatBytes(512), '512 B'],
    [formatBytes(98304), '96 KiB'],
    [formatBytes(1.5 * 2 ** 20), '1.5 MiB'],
    [formatMs(0.82), '0.82 ms'],
    [formatMs(12345), '12.3 s'],
  ])('%s is %s', (shown, expected) => expect(shown).toBe(expected));

  test('escapeXml replaces what XML cannot hold', () => {
    expect(escapeXml('a\u0000b\ud800c\u{1f600}')).toBe('a\ufffdb\ufffdc\u{1f600}');
  });
});
