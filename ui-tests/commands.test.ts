import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Locator, Page } from 'playwright-core';
import { bringIntoView, startLab, type Lab } from './support/jupyterlab';

/** Opens the palette and finds a command by its label. */
async function find(page: Page, label: string): Promise<Locator> {
  const input = page.locator('#modal-command-palette input');
  // A document that is just opening may take the keys for itself, or the palette's place.
  for (let tries = 0; tries < 20; tries++) {
    if (!(await input.isVisible())) await page.keyboard.press('Control+Shift+C');
    const filled = await input.fill(label, { timeout: 1000 }).then(
      () => true,
      () => false,
    );
    if (filled) break;
  }
  return page.locator('.lm-CommandPalette-item', { hasText: label }).first();
}

async function command(page: Page, label: string): Promise<void> {
  for (let tries = 0; tries < 10; tries++) {
    const item = await find(page, label);
    // As above: it may be gone before it is clicked.
    const clicked = await item.click({ timeout: 2000 }).then(
      () => true,
      () => false,
    );
    if (clicked) return;
  }
  throw new Error(`The palette never let '${label}' be clicked.`);
}

const notebook = (kernel: string): string =>
  JSON.stringify({
    cells: [],
    metadata: { kernelspec: { name: kernel, display_name: kernel, language: '' } },
    nbformat: 4,
    nbformat_minor: 5,
  });

describe('commands of the palette in JupyterLab', () => {
  let lab: Lab;
  let page: Page;
  beforeAll(async () => {
    lab = await startLab();
    writeFileSync(path.join(lab.folder, 'mine.ipynb'), notebook('flashlab'));
    writeFileSync(path.join(lab.folder, 'other.ipynb'), notebook('python3'));
    ({ page } = lab);
    await lab.open('mine.ipynb');
  });
  afterAll(() => lab?.close());
  const cells = () => page.locator('.jp-Notebook:visible .jp-CodeCell');

  test('the device is shown by a cell that is added and run', async () => {
    await command(page, 'Show the Device That Computes');
    const output = cells().last().locator('.jp-OutputArea-output').first();
    await output.waitFor({ timeout: 60_000 });
    expect(await output.innerText()).toMatch(/kind\s+software/);
    expect(await cells().last().locator('.cm-content').innerText()).toBe('%flash.device');
  });

  test('a restart with another adapter: variables are gone, and that adapter computes', async () => {
    await command(page, 'Restart the Kernel with Another Adapter');
    const dialog = page.locator('.jp-Dialog');
    await dialog.locator('select').selectOption('swiftshader');
    await lab.picture('adapter-dialog');
    await dialog.getByText('Restart', { exact: true }).click();
    await page.getByText("The kernel computes on adapter 'swiftshader' from now on.").waitFor();
    await command(page, 'Show the Device That Computes');
    const text = cells().last().locator('.jp-OutputArea-output', { hasText: 'driver' });
    await text.waitFor({ timeout: 60_000 });
    expect(await text.innerText()).toMatch(/driver\s+swiftshader/);
    expect(await text.innerText()).toContain('FLASH_ADAPTER asks for swiftshader');
  });

  test('the kernels are timed by a cell, whose report has a figure', async () => {
    await command(page, 'Time the Attention Kernels');
    const figure = cells().last().locator('.jp-FlashLab-plot');
    await figure.waitFor({ timeout: 120_000 });
    await bringIntoView(figure);
    expect(await cells().last().locator('.jp-RenderedHTML table').first().innerText()).toContain('GFLOP/s');
    await lab.picture('command-bench');
  }, 150_000);

  test('magics and WGSL are coloured, in notebooks of our kernel', async () => {
    await command(page, 'Insert a FlashAttention Cell');
    const content = cells().last().locator('.cm-content');
    await content.click();
    await page.keyboard.press('Control+A');
    await page.keyboard.insertText('%%wgsl({ bindings: {}, workgroups: 1 })\n@compute @workgroup_size(1) fn main() {}');
    const colours = async (kind: string): Promise<string[]> => content.locator(`.jp-FlashLab-${kind}`).allInnerTexts();
    await content.locator('.jp-FlashLab-keyword').first().waitFor();
    expect(await colours('magic')).toEqual(['%%wgsl']);
    expect(await colours('keyword')).toEqual(['fn']);
    // An @ and its word are marked one by one, as TypeScript tells them apart.
    expect((await colours('attribute')).join('')).toBe('@compute@workgroup_size');
    const colour = (locator: Locator): Promise<string> =>
      locator.evaluate((element) => getComputedStyle(element).color);
    expect(await colour(content.locator('.jp-FlashLab-keyword').first())).not.toBe(await colour(content));
    await lab.picture('wgsl-cell');
  });

  test('the course is opened', async () => {
    await command(page, 'Open the FlashAttention Course');
    await page.locator('.lm-TabBar-tabLabel', { hasText: '00-quickstart.ipynb' }).waitFor();
    await page.locator('.jp-Notebook:visible h1').first().waitFor();
    await page.locator('#jp-main-statusbar').getByText('| Idle').waitFor({ timeout: 60_000 });
  });

  test('a new notebook has our kernel', async () => {
    await command(page, 'New FlashLab Notebook');
    await page.locator('.lm-TabBar-tabLabel', { hasText: 'Untitled.ipynb' }).waitFor();
    await page.locator('#jp-main-statusbar').getByText('TypeScript (FlashLab) | Idle').waitFor({ timeout: 60_000 });
  });

  test('in a notebook of another kernel the commands of ours are off', async () => {
    await lab.open('other.ipynb');
    const item = await find(page, 'Time the Attention Kernels');
    expect(await item.getAttribute('class')).toContain('lm-mod-disabled');
    await page.keyboard.press('Escape');
  });

  test('the console has no errors', () => expect(lab.errors).toEqual([]));
});
