import { readFileSync } from 'node:fs';
import path from 'node:path';
import { bringIntoView, chooseMenu, runAll, startLab, type Lab } from './support/jupyterlab';

const NOTEBOOK = '00-quickstart.ipynb';

describe('the quickstart notebook in JupyterLab', () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await startLab();
    await lab.open(NOTEBOOK);
  });
  afterAll(() => lab?.close());

  test('Run All runs every cell without an error', async () => {
    const { cells } = JSON.parse(readFileSync(path.join(lab.folder, NOTEBOOK), 'utf8')) as {
      cells: { cell_type: string; source: string | string[] }[];
    };
    const withCode = cells.filter((cell) => cell.cell_type === 'code');
    expect(withCode.some((cell) => [cell.source].flat().join('').startsWith('%%flash.attention'))).toBe(true);
    expect(await runAll(lab.page, 600_000)).toBe(withCode.length);
  }, 660_000);

  test('the figures are drawn by the extension, from the data of this run', async () => {
    const figures = lab.page.locator('.jp-FlashLab-plot');
    await bringIntoView(figures.first());
    await figures.first().locator('.scatterlayer .trace').first().waitFor();
    expect(await figures.locator('svg.main-svg').count()).toBeGreaterThan(0);
    const size = await figures.first().locator('svg.main-svg').first().boundingBox();
    expect(size?.width).toBeGreaterThan(300);
    expect(size?.height).toBeGreaterThan(150);
    await lab.picture('quickstart-light');
  });

  test('the report shows its tables beside the figure', async () => {
    const errors = lab.page.locator('.jp-RenderedHTML table', { hasText: 'float64' }).first();
    await bringIntoView(errors);
    expect(await errors.innerText()).toMatch(/allowed/);
    expect(await errors.locator('tr').count()).toBeGreaterThan(5);
  });

  test('the attention map is a heat map over the words', async () => {
    const map = lab.page.locator('.jp-FlashLab-plot', { has: lab.page.locator('.heatmaplayer image') });
    await bringIntoView(map.first());
    expect(await map.first().locator('.xtick text').count()).toBeGreaterThan(3);
    await lab.picture('quickstart-map');
  });

  test('the toolbar button inserts a cell with the magic', async () => {
    const cells = lab.page.locator('.jp-Notebook:visible .jp-CodeCell');
    const before = await cells.count();
    await lab.page.locator('.jp-NotebookPanel:visible [data-jp-item-name="flash-attention"]').click();
    await expect(cells.count()).resolves.toBe(before + 1);
    const active = lab.page.locator('.jp-Notebook:visible .jp-Cell.jp-mod-active');
    expect(await active.locator('.cm-content').innerText()).toBe('%%flash.attention({ seq: 256, causal: true })');
  });

  test('the figures follow the dark theme', async () => {
    await chooseMenu(lab.page, 'Settings', 'Theme', 'JupyterLab Dark');
    await lab.page.waitForFunction(() => document.body.dataset.jpThemeLight === 'false');
    await lab.page.locator('#jupyterlab-splash').waitFor({ state: 'detached' });
    await bringIntoView(lab.page.locator('.jp-FlashLab-plot').first());
    await lab.picture('quickstart-dark');
  });

  test('the page wrote no error', () => {
    expect(lab.errors).toEqual([]);
  });
});
