import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import type { PlotlyCore } from 'plotly.js/lib/core';
import { pictureOf, StaticPicture } from '../figures/static-picture';

type Bundle = Record<string, string>;
const figure = () => ({ data: [], layout: {}, config: {} });

/** A model that remembers what it was given, and a plotly.js whose pictures come when they are let. */
function setUp(bundle: Bundle) {
  const given: Bundle[] = [];
  const model = {
    data: bundle,
    setData({ data }: { data: Bundle }) {
      given.push(data);
      model.data = data;
    },
  };
  const waiting: { resolve(png: string): void; reject(reason: Error): void }[] = [];
  const toImage = () => new Promise<string>((resolve, reject) => waiting.push({ resolve, reject }));
  const later = (picture: StaticPicture) =>
    picture.later(model as unknown as IRenderMime.IMimeModel, figure, { toImage } as unknown as PlotlyCore);
  return { model, given, waiting, later };
}

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

describe('StaticPicture', () => {
  test('is put beside the figure once', async () => {
    const { given, waiting, later } = setUp({ 'text/plain': 'a figure' });
    const picture = new StaticPicture();
    later(picture);
    await jest.runAllTimersAsync();
    waiting[0].resolve('iVBO');
    await jest.runAllTimersAsync();
    // JupyterLab draws what has new data.
    later(picture);
    await jest.runAllTimersAsync();
    expect(given).toEqual([{ 'text/plain': 'a figure', 'image/png': 'iVBO' }]);
    expect(waiting).toHaveLength(1);
  });

  test.each(['image/png', 'image/svg+xml'])('is not made where there is %s', async (type) => {
    const { given, waiting, later } = setUp({ [type]: '' });
    later(new StaticPicture());
    await jest.runAllTimersAsync();
    expect([given, waiting]).toEqual([[], []]);
  });

  test('waits until the figure is at rest', async () => {
    const { waiting, later } = setUp({});
    const picture = new StaticPicture();
    for (let i = 0; i < 5; i++) {
      later(picture);
      await jest.advanceTimersByTimeAsync(100);
    }
    expect(waiting).toHaveLength(0);
    await jest.runAllTimersAsync();
    expect(waiting).toHaveLength(1);
  });

  test.each<[string, (picture: StaticPicture, model: { data: Bundle }) => void]>([
    ['the figure is gone', (picture) => picture.cancel()],
    ['another picture is there', (_, model) => (model.data = { 'image/svg+xml': '<svg/>' })],
  ])('is left out when %s by the time it is ready', async (_, meanwhile) => {
    const { model, given, waiting, later } = setUp({});
    const picture = new StaticPicture();
    later(picture);
    await jest.runAllTimersAsync();
    meanwhile(picture, model);
    waiting[0].resolve('iVBO');
    await jest.runAllTimersAsync();
    expect(given).toEqual([]);
  });

  test('that cannot be made is left out', async () => {
    const { given, waiting, later } = setUp({});
    later(new StaticPicture());
    await jest.runAllTimersAsync();
    waiting[0].reject(new Error('no canvas'));
    await jest.runAllTimersAsync();
    expect(given).toEqual([]);
  });
});

test.each<[Bundle, string | null]>([
  [{ 'image/svg+xml': '<svg/>', 'image/png': 'iVBO' }, 'data:image/svg+xml,%3Csvg%2F%3E'],
  [{ 'image/png': 'iVBO' }, 'data:image/png;base64,iVBO'],
  [{ 'text/plain': 'a figure' }, null],
])('the picture of %j is %s', (bundle, address) => {
  expect(pictureOf(bundle)).toBe(address);
});
