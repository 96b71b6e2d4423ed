import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Locator } from 'playwright-core';
import { trace, type TraceOptions, type TraceStep } from '../kernel-lib/src/experiments/trace';
import { expectAccessible } from './support/accessibility';
import { chooseTheme } from './support/choose-theme';
import { expectPicture } from './support/compare-picture';
import { bringIntoView, chooseMenu, runAll, startLab, type Lab } from './support/jupyterlab';
import { newNotebook, savedNotebook } from './support/notebook-file';

const TYPE = 'application/vnd.flashlab.trace.v1+json';
const OPTIONS: TraceOptions = { seq: 8, causal: true, tiles: { br: 2, bc: 2 } };

describe('the tile player in JupyterLab', () => {
  const report = trace(OPTIONS);
  const figure = report.parts()[0];
  let lab: Lab;
  beforeAll(async () => {
    lab = await startLab();
    writeFileSync(path.join(lab.folder, 'trace.ipynb'), savedNotebook([figure]));
    await lab.open('trace.ipynb');
    await player().getByText('Step 1 of 10').waitFor();
  });
  afterAll(() => lab?.close());

  const player = () => lab.page.locator('.jp-FlashLab-player:visible');
  const button = (name: string) => player().getByRole('button', { name, exact: true });
  const slider = () => player().getByRole('slider', { name: 'Step' });
  const step = () => player().locator('[data-step]').getAttribute('data-step').then(Number);
  const reaches = (n: number) =>
    lab.page.waitForFunction(
      (least) => Number(document.querySelector<HTMLElement>('[data-step]')!.dataset.step) >= least,
      n,
    );
  const choose = (algorithm: string) => player().getByRole('radio', { name: algorithm }).check();
  const texts = (locator: Locator) => locator.allInnerTexts();
  const numbers = async (locator: Locator) =>
    (await texts(locator)).map((text) => Number(text.replace('−', '-').replace('∞', 'Infinity').replace('e−', 'e-')));
  /** Three digits are shown of a number. */
  const expectNear = (shown: number[], wanted: number[]) => {
    expect(shown).toHaveLength(wanted.length);
    wanted.forEach((x, n) => {
      if (shown[n] !== x) expect(Math.abs(shown[n] - x)).toBeLessThanOrEqual(0.0051 * Math.abs(x));
    });
  };

  test('buttons go to the first, previous, next and last step', async () => {
    expect(await step()).toBe(1);
    await button('Next step').click();
    await button('Next step').click();
    expect(await step()).toBe(3);
    await button('Previous step').click();
    expect(await step()).toBe(2);
    await button('Last step').click();
    expect(await step()).toBe(10);
    await button('Next step').click({ force: true });
    expect(await step()).toBe(10);
    await button('First step').click();
    expect(await step()).toBe(1);
  });

  test('the slider follows the mouse and the keys', async () => {
    const box = (await slider().boundingBox())!;
    await lab.page.mouse.click(box.x + box.width / 2, box.y + box.height / 2);
    expect([5, 6]).toContain(await step());
    await lab.page.keyboard.press('Home');
    await lab.page.keyboard.press('ArrowRight');
    await lab.page.keyboard.press('ArrowRight');
    expect(await step()).toBe(3);
    await lab.page.keyboard.press('End');
    expect(await step()).toBe(10);
    await lab.page.keyboard.press('ArrowLeft');
    expect(await step()).toBe(9);
    expect(await slider().getAttribute('aria-valuetext')).toBe('Step 9 of 10: queries 6–7 meet keys 4–5.');
  });

  test('Space plays and pauses; a step is told only while nothing plays', async () => {
    const told = () => player().locator('[data-step]').getAttribute('aria-live');
    await player().getByLabel('Speed').selectOption('4');
    await button('First step').click();
    expect(await told()).toBe('polite');
    await button('Play').focus();
    await lab.page.keyboard.press('Space');
    await button('Pause').waitFor();
    expect(await told()).toBe('off');
    await reaches(3);
    await lab.page.keyboard.press('Space');
    await button('Play').waitFor();
    const stopped = await step();
    await lab.page.waitForTimeout(600);
    expect(await step()).toBe(stopped);
    await button('Play').click();
    await reaches(10);
    await button('Play').waitFor();
  });

  test('the arrow keys, Home, End and Space work wherever in the player the focus is', async () => {
    await player().locator('.jp-FlashLab-player-words').click();
    for (const [key, at] of [
      ['Home', 1],
      ['ArrowRight', 2],
      ['ArrowRight', 3],
      ['ArrowLeft', 2],
      ['End', 10],
    ] as const) {
      await lab.page.keyboard.press(key);
      expect(await step()).toBe(at);
    }
    await button('First step').click();
    await lab.page.keyboard.press('ArrowRight');
    expect(await step()).toBe(2);
    await player().locator('.jp-FlashLab-player-words').click();
    await lab.page.keyboard.press('Space');
    await button('Pause').waitFor();
    await lab.page.keyboard.press('Space');
    await button('Play').waitFor();
  });

  test('keys within the player do nothing to the notebook', async () => {
    for (const target of [button('Play'), slider(), player().getByRole('radio').first()]) {
      await target.click();
      for (const key of ['d', 'd', 'b', 'Escape', 'Tab', 'Shift+Tab']) await lab.page.keyboard.press(key);
      expect(await target.evaluate((element) => element === document.activeElement)).toBe(true);
    }
    expect(await lab.page.locator('.jp-Notebook:visible .jp-CodeCell').count()).toBe(1);
  });

  test.each([
    ['FlashAttention-1', report.flash1],
    ['FlashAttention-2', report.flash2],
  ])('%s shows the numbers of the trace', async (algorithm, { steps, reads, writes }) => {
    const traffic = (line: string) => numbers(player().locator(`[data-traffic="${line}"] td`));
    await choose(algorithm);
    for (const [n, one] of steps.entries()) {
      await slider().fill(String(n + 1));
      await expectStep(one);
      // FlashAttention-1 reads m and l once more in the end.
      if (n < steps.length - 1) expect((await traffic('step'))[0]).toBe(one.reads);
    }
    expect(await traffic('crossed')).toEqual([reads, writes]);
    expect(await traffic('total')).toEqual([reads, writes]);
  });

  async function expectStep({ queries, keys, s, p, before, after }: TraceStep) {
    const cells = (name: string) => numbers(player().locator(`[data-matrix="${name}"] tbody td`));
    const rows = (matrix: readonly (readonly number[])[], { begin, end } = queries) => matrix.slice(begin, end).flat();
    expectNear(await cells('Q'), rows(report.q));
    expectNear(await cells('K'), rows(report.k, keys));
    expectNear(await cells('V'), rows(report.v, keys));
    expectNear(await cells('S'), s.flat());
    expectNear(await cells('P'), p.flat());
    for (const name of ['m', 'l', 'o'] as const) {
      const changes = player().locator(`[data-name="${name}"]`);
      expectNear(await numbers(changes.locator(':scope > :first-child')), before[name].flat());
      expectNear(await numbers(changes.locator(':scope > :last-child')), after[name].flat());
    }
  }

  test('tiles are numbered in their order; masked ones are hatched and skipped', async () => {
    const tiles = (state: string) => player().locator(`[data-tile][data-state="${state}"]`);
    const order = async (algorithm: string) => {
      await choose(algorithm);
      await slider().fill('10');
      return (await tiles('visited').locator('text').allTextContents()).map(Number);
    };
    expect(await order('FlashAttention-1')).toEqual([1, 2, 5, 3, 6, 8, 4, 7, 9]);
    expect(await order('FlashAttention-2')).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(await tiles('skipped').count()).toBe(6);
    expect(await tiles('skipped').locator('text').count()).toBe(0);
    const hatched = await player()
      .locator('[data-role="unseen"]')
      .evaluate((drawn: SVGGeometryElement) => {
        const pattern = document.querySelector(getComputedStyle(drawn).fill.slice(5, -2));
        const middle = document.querySelector<SVGGraphicsElement>('[data-tile="0,3"] rect')!.getBBox();
        const { x, y, width, height } = middle;
        const point = new DOMPoint(x + width / 2, y + height / 2);
        return [pattern?.tagName, drawn.isPointInFill(point)];
      });
    expect(hatched).toEqual(['pattern', true]);
    expect(await player().locator('[data-tile="0,3"] title').textContent()).toBe('tile 0, 3: skipped');
  });

  test('the other algorithm shows the same tile, its loops in words, and what it loads', async () => {
    const badges = () => texts(player().locator('.jp-FlashLab-player-badge'));
    const now = () => player().locator('[data-tile][data-state="now"]').getAttribute('data-tile');
    await choose('FlashAttention-2');
    await slider().fill('5');
    expect(await now()).toBe('2,1');
    expect(await badges()).toEqual([
      ...['stayed on chip', 'loaded now', 'loaded now', 'made on chip', 'made on chip', 'stayed on chip'],
    ]);
    await choose('FlashAttention-1');
    expect(await now()).toBe('2,1');
    expect(await badges()).toEqual([
      ...['loaded now', 'stayed on chip', 'stayed on chip', 'made on chip', 'made on chip', 'loaded, then stored'],
    ]);
    await player().getByText('Outer loop over key tiles j').waitFor();
  });

  test('it follows the theme and is accessible in both', async () => {
    const colour = () => player().evaluate((element) => getComputedStyle(element).color);
    const light = await colour();
    await lab.picture('tile-player');
    await expectPicture(player(), 'tile-player-light');
    await expectAccessible(lab.page, '.jp-FlashLab-player');
    await chooseTheme(lab.page, 'JupyterLab Dark');
    await choose('FlashAttention-2');
    await slider().fill('6');
    await expectPicture(player(), 'tile-player-dark');
    await expectAccessible(lab.page, '.jp-FlashLab-player');
    expect(await colour()).not.toBe(light);
  });

  test('a narrow page is scrolled downwards only', async () => {
    await chooseMenu(lab.page, 'View', 'Appearance', 'Show Left Sidebar');
    await lab.page.setViewportSize({ width: 480, height: 1000 });
    await lab.page.waitForFunction(() => document.querySelector('.jp-FlashLab-player')!.clientWidth < 400);
    await lab.picture('tile-player-narrow');
    const overhang = await player().evaluate((element) => [
      document.documentElement.scrollWidth - window.innerWidth,
      element.scrollWidth - element.clientWidth,
    ]);
    expect(overhang.every((pixels) => pixels <= 0)).toBe(true);
    await lab.page.setViewportSize({ width: 1280, height: 1000 });
  });

  test('an output that is no trace says so, beside the picture', async () => {
    const wrong = { ...(figure[TYPE] as object), q: [['<img src=x onerror=alert(1)>']] };
    writeFileSync(path.join(lab.folder, 'wrong.ipynb'), savedNotebook([{ ...figure, [TYPE]: wrong }, { [TYPE]: {} }]));
    await lab.open('wrong.ipynb');
    const words = 'This output is no tile trace that this version of FlashLab can play.';
    await player().getByText(words).nth(1).waitFor();
    expect(await texts(player())).toEqual([words, words]);
    const picture = player().first().locator('img');
    expect(await picture.evaluate((image: HTMLImageElement) => image.naturalWidth)).toBeGreaterThan(100);
    expect(await player().nth(1).locator('img').count()).toBe(0);
  });

  test('a long trace has pictures in place of numbers', async () => {
    const long = trace({ seq: 128, dim: 32, causal: true, tiles: { br: 16, bc: 16 } });
    writeFileSync(path.join(lab.folder, 'long.ipynb'), savedNotebook([long.parts()[0]]));
    await lab.open('long.ipynb');
    await player().getByText('Step 1 of 36').waitFor();
    const drawn = player().locator('[data-matrix="Q"] svg');
    await bringIntoView(drawn);
    await drawn.hover({ position: { x: 2, y: 2 } });
    expect(await drawn.locator('..').getAttribute('title')).toMatch(/^q0, 0: −?\d/);
    await lab.picture('tile-player-long');
  });

  test('the magic shows the player; the notebook keeps the figure for others', async () => {
    const file = path.join(lab.folder, 'magic.ipynb');
    const source = '%flash.trace({ seq: 8, causal: true, tiles: { br: 2, bc: 2 } })';
    writeFileSync(file, newNotebook('flashlab', [source]));
    await lab.open('magic.ipynb');
    await runAll(lab.page, 120_000);
    await bringIntoView(button('Next step'));
    await button('Next step').click();
    expect(await step()).toBe(2);
    const kept = lab.page.waitForResponse(
      (response) => response.request().method() === 'PUT' && response.url().includes('magic.ipynb'),
    );
    await chooseMenu(lab.page, 'File', 'Save Notebook');
    await kept;
    const { cells } = JSON.parse(readFileSync(file, 'utf8')) as { cells: { outputs: { data: object }[] }[] };
    expect(Object.keys(cells[0].outputs.at(-2)!.data).sort()).toEqual([
      ...[TYPE, 'application/vnd.plotly.v1+json', 'image/svg+xml', 'text/plain'],
    ]);
  });

  test('the page wrote no error', () => {
    expect(lab.errors).toEqual([]);
  });
});
