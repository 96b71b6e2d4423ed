import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { chooseTheme } from './support/choose-theme';
import { startLab, type Lab } from './support/jupyterlab';
import { PLOTLY, savedNotebook } from './support/notebook-file';

const svg = '<svg xmlns="http://www.w3.org/2000/svg"/>';
const figures = [
  { data: [{ y: [1, 3, 2] }], layout: { title: { text: 'Speed: f32 &lt; f16' }, height: 240 } },
  { data: [{ y: [1, 3, 2] }], layout: { height: 200 } },
];

/** Width and height, which stand behind a PNG's signature and the head of its first chunk. */
function sizeOf(png: Buffer): number[] {
  expect(png.subarray(0, 8).toString('latin1')).toBe('\x89PNG\r\n\x1a\n');
  return [png.readUInt32BE(16), png.readUInt32BE(20)];
}

describe('the mode bar of a figure in JupyterLab', () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await startLab();
    const bundles = figures.map((figure) => ({ [PLOTLY]: figure, 'image/svg+xml': svg }));
    writeFileSync(path.join(lab.folder, 'export.ipynb'), savedNotebook(bundles));
    await lab.open('export.ipynb');
    await plot(1).locator('.scatterlayer .trace').waitFor();
  });
  afterAll(() => lab?.close());

  const plot = (index: number) => lab.page.locator('.jp-FlashLab-plot').nth(index);
  const button = (index: number, name: string) => plot(index).getByRole('button', { name, exact: true });
  /** Saves by `act`; resolves to the file. */
  const download = async (act: () => Promise<void>) => {
    const [file] = await Promise.all([lab.page.waitForEvent('download'), act()]);
    return { name: file.suggestedFilename(), bytes: readFileSync(await file.path()) };
  };

  test('saves a PNG of twice the size on the screen', async () => {
    const { width, height } = (await plot(0).locator('svg.main-svg').first().boundingBox())!;
    await plot(0).hover();
    const { name, bytes } = await download(() => button(0, 'Download as PNG').click());
    expect(name).toBe('Speed-f32-f16.png');
    expect(sizeOf(bytes)).toEqual([2 * width, 2 * height]);
  });

  test('saves an SVG of the size on the screen, in the colours of the theme', async () => {
    await chooseTheme(lab.page, 'JupyterLab Dark');
    const { width, height } = (await plot(0).locator('svg.main-svg').first().boundingBox())!;
    const { name, bytes } = await download(() => button(0, 'Download as SVG').click());
    expect(name).toBe('Speed-f32-f16.svg');
    const saved = await lab.page.evaluate((text) => {
      const document = new DOMParser().parseFromString(text, 'image/svg+xml');
      const drawing = document.documentElement;
      return {
        error: document.querySelector('parsererror')?.textContent ?? null,
        title: document.querySelector('.gtitle')?.textContent,
        size: [drawing.getAttribute('width'), drawing.getAttribute('height')].map(Number),
        paper: document.querySelector('rect')?.style.fill,
      };
    }, bytes.toString('utf8'));
    const paper = 'rgb(17, 17, 17)';
    expect(saved).toEqual({ error: null, title: 'Speed: f32 < f16', size: [width, height], paper });
  });

  test('is reached, seen and used by the keyboard', async () => {
    await lab.page.mouse.move(0, 0);
    const png = button(1, 'Download as PNG');
    const group = png.locator('..');
    const opacity = () => group.evaluate((node) => Number(getComputedStyle(node).opacity));
    expect(await opacity()).toBe(0);
    const before = plot(1).getByRole('button').first();
    await before.focus();
    while (!(await png.evaluate((node) => node === document.activeElement))) {
      expect(await plot(1).locator('button:focus').count()).toBe(1);
      await lab.page.keyboard.press('Tab');
    }
    await lab.page.waitForFunction((node) => getComputedStyle(node!).opacity === '1', await group.elementHandle());
    expect(await png.evaluate((node) => getComputedStyle(node).outlineStyle)).toBe('solid');
    await lab.picture('figure-focus');
    for (const key of ['Enter', 'Space']) {
      expect((await download(() => lab.page.keyboard.press(key))).name).toBe('flashlab-figure.png');
    }
  });

  test('the page wrote no error', () => {
    expect(lab.errors).toEqual([]);
  });
});
