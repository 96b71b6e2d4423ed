import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expectAccessible } from './support/accessibility';
import { chooseTheme } from './support/choose-theme';
import { expectPicture } from './support/compare-picture';
import { startLab, type Lab } from './support/jupyterlab';
import { PLOTLY, savedNotebook } from './support/notebook-file';

const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="60" height="20"><rect width="60" height="20"/></svg>';

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

const bundles = [speed, map, bars, pie].map((figure, index) => ({
  ...{ [PLOTLY]: figure, 'image/svg+xml': svg },
  'text/plain': `the numbers of figure ${index}`,
}));

describe('figures in JupyterLab', () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await startLab();
    writeFileSync(path.join(lab.folder, 'figures.ipynb'), savedNotebook(bundles));
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

  test('a screen reader finds a name and the numbers', async () => {
    const plot = lab.page.getByRole('figure', { name: 'Speed', exact: true });
    const description = await plot.getAttribute('aria-describedby');
    expect(await lab.page.locator(`#${description}`).textContent()).toBe('the numbers of figure 0');
    expect(await lab.page.getByRole('figure', { name: 'Figure', exact: true }).count()).toBe(1);
  });

  test('a figure follows the theme', async () => {
    expect(await subtitleBelow()).toBe(true);
    await expectPicture(figures().nth(0), 'figure-lines-light');
    await expectPicture(figures().nth(1), 'figure-map-light');
    await expectAccessible(lab.page, '.jp-FlashLab-plot');
    await chooseTheme(lab.page, 'JupyterLab Dark');
    expect(await subtitleBelow()).toBe(true);
    await expectPicture(figures().nth(0), 'figure-lines-dark');
    await expectPicture(figures().nth(1), 'figure-map-dark');
    await expectAccessible(lab.page, '.jp-FlashLab-plot');
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

  test('the page wrote no error', () => {
    expect(lab.errors).toEqual([]);
  });
});
