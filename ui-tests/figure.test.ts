import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Locator } from 'playwright-core';
import { chooseMenu, startLab, type Lab } from './support/jupyterlab';

const MIME_TYPE = 'application/vnd.plotly.v1+json';
const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="60" height="20"><rect width="60" height="20"/></svg>';

const metadata = { kernelspec: { name: 'python3', display_name: 'Python 3', language: 'python' } };
const notebook = (cells: object[]) => JSON.stringify({ nbformat: 4, nbformat_minor: 5, metadata, cells });
const codeCell = (id: string, source: string, outputs: object[] = []) => ({
  ...{ cell_type: 'code', id, metadata: {}, source, outputs },
  execution_count: outputs.length > 0 ? 1 : null,
});

/** A notebook that was run before, so that its outputs are drawn without a kernel. */
function savedNotebook(figures: object[]): string {
  const outputs = figures.map((figure) => ({
    output_type: 'display_data',
    metadata: {},
    data: { [MIME_TYPE]: figure, 'image/svg+xml': svg, 'text/plain': 'a figure' },
  }));
  return notebook([codeCell('figures', '1', outputs)]);
}

/** Shows a figure; `handle.update` replaces it in place. */
const updatingCell = `
from IPython.display import display
def figure(top):
    return {"${MIME_TYPE}": {"data": [{"x": [0, 10], "y": [0, top]}], "layout": {"height": 300}}}
handle = display(figure(1), raw=True, display_id=True)
`;

const speed = {
  data: [
    { x: [64, 128, 256, 512], y: [1.2, 2.5, 4.1, 5], name: 'flash2' },
    { x: [64, 128, 256, 512], y: [1, 1.4, 2, 2.2], name: 'naive' },
  ],
  layout: {
    title: { text: 'Speed', subtitle: { text: 'below' } },
    xaxis: { title: { text: 'sequence length' } },
    height: 260,
  },
};
const map = {
  data: [
    {
      type: 'heatmap',
      z: [
        [1, 2],
        [3, 1],
      ],
    },
  ],
  layout: { title: { text: 'Map' }, height: 260 },
};
const bars = { data: [{ type: 'bar', x: ['a', 'b'], y: [1, 3] }], layout: { height: 200 } };
const pie = { data: [{ type: 'pie', values: [1, 2] }] };

describe('figures in JupyterLab', () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await startLab();
    writeFileSync(path.join(lab.folder, 'figures.ipynb'), savedNotebook([speed, map, bars, pie]));
    await lab.open('figures.ipynb');
  });
  afterAll(() => lab?.close());

  const figures = () => lab.page.locator('.jp-FlashLab-plot');
  /** Whether the subtitle of the first figure stands below its title. */
  const subtitleBelow = async () => {
    const [title, subtitle] = [figures().first().locator('.gtitle'), figures().first().locator('.gtitle-subtitle')];
    const [above, below] = [(await title.boundingBox())!, (await subtitle.boundingBox())!];
    return below.y >= above.y + above.height;
  };
  const textColour = () =>
    figures()
      .first()
      .locator('.gtitle')
      .evaluate((title) => getComputedStyle(title).fill);
  const width = () =>
    figures()
      .first()
      .locator('svg.main-svg')
      .first()
      .evaluate((drawing) => drawing.clientWidth);

  test('lines, a heat map and bars are drawn', async () => {
    await figures().nth(2).locator('.barlayer .point').first().waitFor();
    expect(await figures().nth(0).locator('.scatterlayer .trace').count()).toBe(2);
    expect(await figures().nth(1).locator('.heatmaplayer image').count()).toBe(1);
    expect(await figures().nth(2).locator('.barlayer .point').count()).toBe(2);
  });

  test('a figure that cannot be drawn shows the picture beside it', async () => {
    const picture = figures().nth(3).locator('img');
    expect(await picture.getAttribute('alt')).toContain('a trace of type pie');
    expect(await picture.evaluate((image: HTMLImageElement) => image.naturalWidth)).toBe(60);
  });

  test('a figure follows the theme', async () => {
    const light = await textColour();
    await lab.picture('figures-light');
    await chooseMenu(lab.page, 'Settings', 'Theme', 'JupyterLab Dark');
    await lab.page.waitForFunction(
      (before) => getComputedStyle(document.querySelector('.jp-FlashLab-plot .gtitle')!).fill !== before,
      light,
    );
    await lab.page.locator('#jupyterlab-splash').waitFor({ state: 'detached' });
    await lab.picture('figures-dark');
    expect(await textColour()).not.toBe(light);
    expect(await subtitleBelow()).toBe(true);
  });

  test('a figure follows the width of its cell', async () => {
    const before = await width();
    await lab.page.setViewportSize({ width: 900, height: 1000 });
    await lab.page.waitForFunction(
      (wide) => document.querySelector('.jp-FlashLab-plot svg.main-svg')!.clientWidth < wide - 100,
      before,
    );
    expect(await subtitleBelow()).toBe(true);
  });

  test('a figure that is updated in place keeps its zoom', async () => {
    writeFileSync(
      path.join(lab.folder, 'zoom.ipynb'),
      notebook([codeCell('show', updatingCell), codeCell('update', 'handle.update(figure(5), raw=True)')]),
    );
    await lab.open('zoom.ipynb');
    const ticks = (axis: string) => figures().first().locator(`.${axis}tick text`);
    const words = async (locator: Locator) => (await locator.allTextContents()).sort().join(' ');
    await lab.page.locator('.jp-Notebook:visible .jp-CodeCell').first().click();
    await lab.page.keyboard.press('Shift+Enter');
    await ticks('x').first().waitFor();
    const whole = await words(ticks('x'));

    const box = (await figures().first().locator('.nsewdrag').boundingBox())!;
    const middle = box.y + box.height / 2;
    await lab.page.mouse.move(box.x + box.width * 0.3, middle);
    await lab.page.mouse.down();
    await lab.page.mouse.move(box.x + box.width * 0.5, middle, { steps: 5 });
    await lab.page.mouse.up();
    await lab.page.waitForFunction(
      (before) =>
        [...document.querySelectorAll('.jp-FlashLab-plot .xtick text')]
          .map((tick) => tick.textContent)
          .sort()
          .join(' ') !== before,
      whole,
    );
    const zoomed = await words(ticks('x'));
    const before = await words(ticks('y'));

    await lab.page.locator('.jp-Notebook:visible .jp-CodeCell').nth(1).click();
    await lab.page.keyboard.press('Shift+Enter');
    await lab.page.waitForFunction(
      (heights) =>
        [...document.querySelectorAll('.jp-FlashLab-plot .ytick text')]
          .map((tick) => tick.textContent)
          .sort()
          .join(' ') !== heights,
      before,
    );
    expect(await words(ticks('x'))).toBe(zoomed);
  });

  test('the page wrote no error', () => {
    expect(lab.errors).toEqual([]);
  });
});
