import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Locator, Page } from 'playwright-core';
import { expectPicture } from './support/compare-picture';
import { bringIntoView, startLab, type Lab } from './support/jupyterlab';
import { findCommand, runCommand } from './support/palette';
import { newNotebook } from './support/notebook-file';

describe('commands of the palette in JupyterLab', () => {
  let lab: Lab;
  let page: Page;
  beforeAll(async () => {
    lab = await startLab();
    writeFileSync(path.join(lab.folder, 'mine.ipynb'), newNotebook('flashlab'));
    writeFileSync(path.join(lab.folder, 'other.ipynb'), newNotebook('python3'));
    ({ page } = lab);
    await lab.open('mine.ipynb');
  });
  afterAll(() => lab?.close());
  const cells = () => page.locator('.jp-Notebook:visible .jp-CodeCell');

  test('the device is shown by a cell that is added and run', async () => {
    await runCommand(page, 'Show the Device That Computes');
    const output = cells().last().locator('.jp-OutputArea-output').first();
    await output.waitFor({ timeout: 60_000 });
    expect(await output.innerText()).toMatch(/kind\s+software/);
    expect(await cells().last().locator('.cm-content').innerText()).toBe('%flash.device');
  });

  test('a restart with another adapter: variables are gone, and that adapter computes', async () => {
    await runCommand(page, 'Restart the Kernel with Another Adapter');
    const dialog = page.locator('.jp-Dialog');
    await dialog.locator('select').selectOption('swiftshader');
    await lab.picture('adapter-dialog');
    await dialog.getByText('Restart', { exact: true }).click();
    await page.getByText('The kernel computes on SwiftShader').waitFor({ timeout: 60_000 });
    await runCommand(page, 'Show the Device That Computes');
    const text = cells().last().locator('.jp-OutputArea-output', { hasText: 'driver' });
    await text.waitFor({ timeout: 60_000 });
    expect(await text.innerText()).toMatch(/driver\s+swiftshader/);
    expect(await text.innerText()).toContain('FLASH_ADAPTER asks for swiftshader');
  });

  test('the kernels are timed by a cell, whose report has a figure', async () => {
    await runCommand(page, 'Time the Attention Kernels');
    const figure = cells().last().locator('.jp-FlashLab-plot');
    await figure.waitFor({ timeout: 120_000 });
    await bringIntoView(figure);
    expect(await cells().last().locator('.jp-RenderedHTML table').first().innerText()).toContain('GFLOP/s');
    await lab.picture('command-bench');
  }, 150_000);

  test('magics and WGSL are coloured, in notebooks of our kernel', async () => {
    // Where the cell lies, and so how its edges are rounded, must not depend on the heights of tables above.
    await runCommand(page, 'Clear Outputs of All Cells');
    await runCommand(page, 'Insert a FlashAttention Cell');
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
    // In command mode there is no cursor that blinks.
    await page.keyboard.press('Escape');
    await expectPicture(content, 'wgsl-cell');
  });

  test('the course is opened', async () => {
    await runCommand(page, 'Open the FlashAttention Course');
    await page.locator('.lm-TabBar-tabLabel', { hasText: '00-quickstart.ipynb' }).waitFor();
    await page.locator('.jp-Notebook:visible h1').first().waitFor();
    await page.locator('#jp-main-statusbar').getByText('| Idle').waitFor({ timeout: 60_000 });
  });

  test('a new notebook has our kernel', async () => {
    await runCommand(page, 'New FlashLab Notebook');
    await page.locator('.lm-TabBar-tabLabel', { hasText: 'Untitled.ipynb' }).waitFor();
    await page.locator('#jp-main-statusbar').getByText('TypeScript (FlashLab) | Idle').waitFor({ timeout: 60_000 });
  });

  test('the launcher has a card for a new notebook and one for the course', async () => {
    await runCommand(page, 'New Launcher');
    const section = page.locator('.jp-Launcher:visible .jp-Launcher-section', { hasText: 'FlashLab' }).last();
    await section.scrollIntoViewIfNeeded();
    expect(await section.locator('.jp-LauncherCard-label').allInnerTexts()).toEqual([
      'New FlashLab Notebook',
      'Open the FlashAttention Course',
    ]);
    await expectPicture(section, 'launcher-section');
    await section.locator('.jp-LauncherCard', { hasText: 'New FlashLab Notebook' }).click();
    await page.locator('.lm-TabBar-tabLabel', { hasText: 'Untitled1.ipynb' }).waitFor();
  });

  test('in a notebook of another kernel the commands of ours are off', async () => {
    await lab.open('other.ipynb');
    const item = await findCommand(page, 'Time the Attention Kernels');
    expect(await item.getAttribute('class')).toContain('lm-mod-disabled');
    await page.keyboard.press('Escape');
  });

  test('the console has no errors', () => expect(lab.errors).toEqual([]));
});
