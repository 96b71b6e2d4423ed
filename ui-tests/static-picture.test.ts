import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { attentionMap } from '../kernel-lib/src/plots/attention-map';
import { DISPLAY } from '../kernel-lib/src/plots/figure';
import { jupyterEnvironment, pathsOf } from '../scripts/setup/paths.mjs';
import { expectImage } from './support/compare-picture';
import { startLab, type Lab } from './support/jupyterlab';
import { codeCell, notebook, savedNotebook } from './support/notebook-file';

const paths = pathsOf(path.resolve(__dirname, '..'));

/** The pictures that a viewer without extensions shows: nbconvert keeps them in the page. */
function picturesOf(file: string): { type: string; bytes: Buffer }[] {
  const script = ['-m', 'nbconvert', '--to', 'html', '--stdout', '--log-level', 'ERROR', file];
  const env = jupyterEnvironment(paths);
  const html = execFileSync(paths.venvPython, script, { env, encoding: 'utf8', maxBuffer: 2 ** 26 });
  return Array.from(html.matchAll(/<img[^>]* src="data:(image\/[\w+]+);base64,([^"]*)"/g), ([, type, data]) => ({
    type,
    bytes: Buffer.from(data, 'base64'),
  }));
}

const show = `const shown = display.plotly({ data: [{ y: [1, 3, 2] }], layout: { title: { text: 'One' }, height: 240 } });`;
const update = `for (let i = 1; i <= 5; i++) shown.update({ 'application/vnd.plotly.v1+json': { data: [{ y: [i, 3, 2] }] } }, { raw: true });`;

describe('the picture beside a figure in a saved notebook', () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await startLab();
  });
  afterAll(() => lab?.close());

  interface Output {
    data: Record<string, string>;
  }
  /** Saves the notebook, again if need be, until its only output is as `wanted`. */
  const saved = async (file: string, wanted: (output: Output) => boolean): Promise<Output> => {
    for (let attempt = 0; attempt < 50; attempt++) {
      await lab.page.keyboard.press('Control+s');
      await lab.page.waitForTimeout(200);
      const { cells } = JSON.parse(readFileSync(path.join(lab.folder, file), 'utf8')) as {
        cells: { outputs: Output[] }[];
      };
      const output = cells[0].outputs[0];
      if (output && wanted(output)) return output;
    }
    throw new Error('The output never was as wanted.');
  };
  const run = async (cell: number) => {
    await lab.page.locator('.jp-Notebook:visible .jp-CodeCell .cm-content').nth(cell).click();
    await lab.page.keyboard.press('Shift+Enter');
  };

  test('a figure that comes without one gets it, and another with its next data', async () => {
    const file = path.join(lab.folder, 'drawn.ipynb');
    writeFileSync(file, notebook([codeCell('show', show), codeCell('update', update)], 'flashlab'));
    await lab.open('drawn.ipynb');
    await run(0);
    const first = (await saved('drawn.ipynb', ({ data }) => 'image/png' in data)).data['image/png'];
    expect(picturesOf(file)).toEqual([{ type: 'image/png', bytes: Buffer.from(first, 'base64') }]);
    expectImage(Buffer.from(first, 'base64'), 'static-picture');

    await run(1);
    await saved('drawn.ipynb', ({ data }) => 'image/png' in data && data['image/png'] !== first);
  });

  test('a figure that has one keeps it, and nbconvert shows it', async () => {
    const file = path.join(lab.folder, 'ours.ipynb');
    const map = attentionMap([[0.25, 0.75]], { words: ['one', 'two'], queryWords: ['three'], title: 'A map' });
    writeFileSync(file, savedNotebook([map[DISPLAY]()]));
    const [{ type, bytes }, ...others] = picturesOf(file);
    expect(type).toBe('image/svg+xml');
    expect(bytes.toString()).toContain('<title>A map</title>');
    expect(others).toEqual([]);

    await lab.open('ours.ipynb');
    await lab.page.locator('.heatmaplayer image').waitFor();
    await lab.page.waitForTimeout(1000);
    const { data } = await saved('ours.ipynb', () => true);
    expect(Object.keys(data).sort()).toEqual(['application/vnd.plotly.v1+json', 'image/svg+xml', 'text/plain']);
  });

  test('the page wrote no error', () => {
    expect(lab.errors).toEqual([]);
  });
});
