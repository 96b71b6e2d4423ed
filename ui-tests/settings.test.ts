import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Page } from 'playwright-core';
import { startLab, type Lab } from './support/jupyterlab';
import { newNotebook } from './support/notebook-file';
import { runCommand } from './support/palette';

describe('settings and language in JupyterLab', () => {
  let lab: Lab;
  let page: Page;
  beforeAll(async () => {
    lab = await startLab({
      'jupyterlab-flashlab:settings': { adapter: 'swiftshader', sweepSizes: [48, 64], plotTheme: 'dark' },
      '@jupyterlab/translation-extension:plugin': { locale: 'zh_CN' },
    });
    ({ page } = lab);
    writeFileSync(path.join(lab.folder, 'mine.ipynb'), newNotebook('flashlab'));
    await lab.open('mine.ipynb', '空闲');
  });
  afterAll(() => lab?.close());

  test('the palette speaks the language of JupyterLab, and a sweep takes its lengths from the settings', async () => {
    await runCommand(page, '为注意力核函数计时');
    const cell = page.locator('.jp-Notebook:visible .jp-CodeCell').last();
    expect(await cell.locator('.cm-content').innerText()).toBe('%flash.bench({ seqs: [48, 64] })');
    await cell.locator('.jp-RenderedHTML table').first().waitFor({ timeout: 120_000 });
  });

  test('the kernel computes on the adapter of the settings', async () => {
    const adapter = page.locator('.jp-NotebookPanel:visible [data-jp-item-name="flash-adapter"]');
    await adapter.getByText('swiftshader').waitFor();
    await adapter.getByRole('button').click();
    const panel = page.locator('#flashlab-device-panel');
    await panel.getByRole('region', { name: '适配器', exact: true }).waitFor();
    expect(await panel.innerText()).toContain('FLASH_ADAPTER asks for swiftshader');
    // The figure of the sweep makes room for the panel.
    await page.waitForFunction(() => {
      const figure = document.querySelector('.jp-FlashLab-plot')!;
      return figure.querySelector('svg.main-svg')!.clientWidth <= figure.clientWidth;
    });
    await lab.picture('device-panel-chinese');
  });

  test('figures have the page of the settings, whatever the theme of JupyterLab', async () => {
    const paper = await page
      .locator('.jp-FlashLab-plot svg.main-svg')
      .first()
      .evaluate((drawing: SVGElement) => drawing.style.background.match(/\d+/g)!.slice(0, 3).map(Number));
    expect(Math.max(...paper)).toBeLessThan(64);
    expect(await page.evaluate(() => document.body.dataset.jpThemeLight)).toBe('true');
  });

  test('the course opens in the language of JupyterLab', async () => {
    await runCommand(page, '打开 FlashAttention 课程');
    await page.locator('.jp-Notebook:visible h1', { hasText: '快速入门' }).first().waitFor();
  });

  test('the settings editor knows what may be set', async () => {
    await page.keyboard.press('Control+,');
    const editor = page.locator('.jp-SettingsPanel');
    await page.locator('.jp-PluginList-entry', { hasText: 'FlashLab' }).first().click();
    await editor.locator('select[id$="_adapter"]').first().waitFor();
    expect(await editor.locator('select[id$="_adapter"] option').allInnerTexts()).toEqual(
      expect.arrayContaining(['hardware', 'lavapipe', 'swiftshader']),
    );
    await lab.picture('settings-editor');
  });

  test('the console has no errors', () => expect(lab.errors).toEqual([]));
});
