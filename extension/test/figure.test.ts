import { nullTranslator } from '@jupyterlab/translation';
import { drawable, prepare, withButtons } from '../figures/figure';
import { themeOf } from '../figures/theme';

const trans = nullTranslator.load('');
const light = themeOf((name) => (name === '--jp-ui-font-color1' ? '#111111' : ''));

describe('drawable', () => {
  test.each([
    ['a line, which needs no type', { data: [{ x: [1], y: [2] }] }],
    [
      'a heat map and bars',
      {
        data: [
          { type: 'heatmap', z: [[1]] },
          { type: 'bar', y: [1] },
        ],
        layout: {},
      },
    ],
    ['a figure without traces', { data: [] }],
  ])('%s can be drawn', (_, figure) => {
    expect(drawable(figure, trans)).toBeNull();
  });

  test.each([
    ['null', null, 'no list "data"'],
    ['a list', [], 'no list "data"'],
    ['data that is an object', { data: {} }, 'no list "data"'],
    ['a trace that is a number', { data: [3] }, 'a trace is not an object'],
    ['a type that is a number', { data: [{ type: 3 }] }, 'a trace is not an object'],
    ['a trace that is not registered', { data: [{ y: [1] }, { type: 'pie' }] }, 'a trace of type pie'],
  ])('%s is refused with its reason', (_, figure, reason) => {
    expect(drawable(figure, trans)).toContain(reason);
  });
});

describe('prepare', () => {
  test('leaves the figure of the notebook as it is, however deep plotly writes', () => {
    const figure = { data: [{ y: [1, 2] }], layout: { xaxis: { title: { text: 'n' } } } };
    const before = JSON.stringify(figure);
    const drawn = prepare(figure, light);
    (drawn.data[0].y as number[]).push(3);
    (drawn.layout.xaxis as Record<string, unknown>).range = [0, 1];
    expect(JSON.stringify(figure)).toBe(before);
  });

  test('two figures drawn with one theme do not share it', () => {
    const first = prepare({ data: [], layout: { template: { layout: { font: { size: 20 } } } } }, light);
    const second = prepare({ data: [] }, light);
    expect(first.layout.template).toMatchObject({ layout: { font: { size: 20, color: '#111111' } } });
    expect(second.layout.template).toMatchObject({ layout: { font: { size: 12, color: '#111111' } } });
  });

  test('what the figure says wins over our defaults', () => {
    const { layout, config } = prepare(
      { data: [], layout: { uirevision: 7, autosize: false }, config: { displaylogo: true } },
      light,
    );
    expect(layout).toMatchObject({ uirevision: 7, autosize: false });
    expect(config.displaylogo).toBe(true);
  });

  test('the same zoom is kept from one drawing to the next', () => {
    const [one, two] = [{ data: [{ y: [1] }] }, { data: [{ y: [2] }] }].map((figure) => prepare(figure, light));
    expect(one.layout.uirevision).toBe(two.layout.uirevision);
    expect(one.layout.uirevision).toBeTruthy();
  });
});

describe('themeOf', () => {
  test('takes its colours from the page and stands on its own where the page has none', () => {
    const dark = themeOf((name) => ({ '--jp-layout-color0': '#000000', '--jp-ui-font-color1': '#eeeeee' })[name] ?? '');
    expect(dark).toMatchObject({ layout: { paper_bgcolor: '#000000', font: { color: '#eeeeee' } } });
    expect(themeOf(() => '')).toMatchObject({ layout: { paper_bgcolor: '#ffffff', font: { color: '#212121' } } });
  });

  test.each([
    ['light', '#ffffff'],
    ['dark', '#111111'],
  ] as const)("a %s page is one whatever the theme, in the theme's font", (name, background) => {
    const page = (variable: string) => (variable === '--jp-ui-font-family' ? 'Serif' : '#abcdef');
    expect(themeOf(page, name)).toMatchObject({ layout: { paper_bgcolor: background, font: { family: 'Serif' } } });
    expect(JSON.stringify(themeOf(page, name))).not.toContain('#abcdef');
  });
});

const button = { name: 'ours', title: 'Ours', icon: {}, click: () => undefined };

describe('withButtons', () => {
  test("ours take the place of plotly's camera", () => {
    expect(withButtons({ displaylogo: false }, [button])).toEqual({
      displaylogo: false,
      modeBarButtonsToRemove: ['toImage'],
      modeBarButtonsToAdd: [button],
    });
  });

  test("the figure's own buttons stay", () => {
    const config = { modeBarButtonsToRemove: ['pan2d'], modeBarButtonsToAdd: ['drawline'] };
    expect(withButtons(config, [button])).toEqual({
      modeBarButtonsToRemove: ['pan2d', 'toImage'],
      modeBarButtonsToAdd: ['drawline', button],
    });
    expect(config.modeBarButtonsToAdd).toEqual(['drawline']);
  });

  test('a figure without the camera stays without it', () => {
    const config = { modeBarButtonsToRemove: ['toImage'] };
    expect(withButtons(config, [button])).toBe(config);
  });
});

test('titles that are plain texts, as in figures for older plotly.js, are kept', () => {
  const { layout } = prepare(
    { data: [], layout: { title: 'mine', xaxis: { title: 'n' }, yaxis2: { title: { text: 's' } } } },
    light,
  );
  expect(layout).toMatchObject({
    title: { text: 'mine' },
    xaxis: { title: { text: 'n' } },
    yaxis2: { title: { text: 's' } },
  });
});
