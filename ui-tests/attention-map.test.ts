import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { attentionMap } from '../kernel-lib/src/plots/attention-map';
import { DISPLAY } from '../kernel-lib/src/plots/figure';
import { expectAccessible } from './support/accessibility';
import { chooseTheme } from './support/choose-theme';
import { expectPicture } from './support/compare-picture';
import { startLab, type Lab } from './support/jupyterlab';
import { PLOTLY, savedNotebook } from './support/notebook-file';

const words = ['the', 'a<b>', 'the', 'R&D', '&lt;', 'the', '<br>', '10'];
/** No two cells have the same number. */
const p = words.map((_, query) => words.map((_, key) => (1 + query * words.length + key) / 100));

/** Not drawn here: the SVG beside it is shown in its place. */
const pie = { data: [{ type: 'pie', values: [1] }] };

describe('an attention map in JupyterLab', () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await startLab();
    const map = attentionMap(p, { words, title: 'Who attends to "<whom>" & why' });
    writeFileSync(
      path.join(lab.folder, 'map.ipynb'),
      savedNotebook([map[DISPLAY](), { ...map[DISPLAY](), [PLOTLY]: pie }]),
    );
    await lab.open('map.ipynb');
    await lab.page.locator('.jp-FlashLab-plot .heatmaplayer image').waitFor();
  });
  afterAll(() => lab?.close());

  const figure = () => lab.page.locator('.jp-FlashLab-plot').first();
  const picture = () => lab.page.locator('.jp-FlashLab-plot img');
  /** Moves the mouse onto a cell and reads what plotly then shows there. */
  const hover = async (query: number, key: number) => {
    const box = (await figure().locator('.nsewdrag').boundingBox())!;
    const [across, down] = [(key + 0.5) / words.length, (query + 0.5) / words.length];
    const label = figure().locator('.hoverlayer .hovertext text');
    const text = new RegExp(`p = ${p[query][key]}$`);
    await lab.page.mouse.move(box.x + box.width * across - 2, box.y + box.height * down, { steps: 2 });
    await lab.page.mouse.move(box.x + box.width * across, box.y + box.height * down);
    await label
      .filter({ hasText: text })
      .waitFor({ timeout: 10_000 })
      .catch(() => undefined);
    return (await label.allTextContents()).join('').replaceAll('\u200b', '');
  };

  test('words stand on both axes, as they are', async () => {
    const labels = (axis: 'x' | 'y') =>
      figure()
        .locator(`.${axis}tick text`)
        .evaluateAll((texts, side) => {
          const at = (text: Element) => text.getBoundingClientRect()[side];
          return texts.sort((a, b) => at(a) - at(b)).map((text) => text.textContent?.replaceAll('\u200b', ''));
        }, axis);
    expect(await labels('x')).toEqual(words);
    expect(await labels('y')).toEqual(words);
    expect(await figure().locator('.gtitle').textContent()).toBe('Who attends to "<whom>" & why');
    await lab.page.getByRole('figure', { name: 'Who attends to "<whom>" & why', exact: true }).waitFor();
  });

  test('a cell under the mouse tells its words and its number', async () => {
    for (const [query, key] of [0, 1, 2, 3, 4, 5, 6, 7].flatMap((q) => [
      [q, (q * 3 + 1) % 8] as const,
      [q, q] as const,
    ])) {
      expect(await hover(query, key)).toBe(`${words[query]} → ${words[key]}: p = ${p[query][key]}`);
    }
  });

  test('it looks as it should on both pages', async () => {
    await lab.page.mouse.move(0, 0);
    await expectPicture(figure(), 'attention-map-light');
    await expectPicture(picture(), 'attention-map-svg-light');
    await expectAccessible(lab.page, '.jp-FlashLab-plot');
    await chooseTheme(lab.page, 'JupyterLab Dark');
    await lab.page.mouse.move(0, 0);
    await expectPicture(figure(), 'attention-map-dark');
    await expectPicture(picture(), 'attention-map-svg-dark');
    await expectAccessible(lab.page, '.jp-FlashLab-plot');
  });

  test('the page wrote no error', () => {
    expect(lab.errors).toEqual([]);
  });
});
