import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Locator, Page } from 'playwright-core';
import { expectAccessible } from './support/accessibility';
import { chooseTheme } from './support/choose-theme';
import { expectPicture } from './support/compare-picture';
import { chooseMenu, startLab, type Lab } from './support/jupyterlab';
import { newNotebook } from './support/notebook-file';

const CELLS = [
  'const q = flash.randn([1, 4, 256, 64], { seed: 1 });\nconst result = await flash.attention(q, q, q);\n0',
  'const grads = await result.backward(q);\n0',
  'const big = flash.randn([1, 16, 16384, 64]);\nawait flash.attention(big, big, big);',
  '(await result.out.data()).length',
];

describe('the device panel in JupyterLab', () => {
  let lab: Lab;
  let page: Page;
  let panel: Locator;
  beforeAll(async () => {
    // One adapter, so that pictures are alike.
    lab = await startLab({ 'jupyterlab-flashlab:settings': { adapter: 'swiftshader' } });
    writeFileSync(path.join(lab.folder, 'panel.ipynb'), newNotebook('flashlab', CELLS));
    writeFileSync(path.join(lab.folder, 'other.ipynb'), newNotebook('python3'));
    ({ page } = lab);
    await lab.open('panel.ipynb');
    panel = page.locator('#flashlab-device-panel');
  });
  afterAll(() => lab?.close());

  const button = (name: string) => panel.getByRole('button', { name, exact: true });
  const section = (name: string) => panel.getByRole('region', { name, exact: true });
  const adapter = () => page.locator('.jp-NotebookPanel:visible [data-jp-item-name="flash-adapter"]');
  /** Runs the cell number `n` (from 0); waits for its end unless `wait` is false. */
  const run = async (n: number, { wait = true } = {}): Promise<void> => {
    const one = page.locator('.jp-Notebook:visible .jp-CodeCell').nth(n);
    await one.locator('.cm-content').click();
    await page.keyboard.press('Control+Enter');
    if (wait) await one.locator('.jp-InputPrompt', { hasText: /\[\d+\]/ }).waitFor({ timeout: 120_000 });
  };

  /** Compares the panel with a picture, without the numbers that differ from run to run. */
  const expectPanel = async (name: string): Promise<void> => {
    // A copy, since the panel itself goes on changing.
    await panel.evaluate((node) => {
      const copy = node.cloneNode(true) as HTMLElement;
      const { left, top, width, height } = node.getBoundingClientRect();
      copy.id = 'panel-copy';
      copy.style.cssText = `position:fixed;z-index:9999;left:${left}px;top:${top}px;width:${width}px;height:${height}px`;
      for (const time of copy.querySelectorAll('.jp-FlashLab-runs td:last-child')) time.textContent = '12 ms';
      copy.querySelector('.jp-FlashLab-memory')!.textContent = '1 MiB';
      for (const path of copy.querySelectorAll('.jp-FlashLab-sparkline path'))
        path.setAttribute('d', 'M0 44L240 0V44H0');
      document.body.append(copy);
    });
    const copy = page.locator('#panel-copy');
    try {
      await expectPicture(copy, name);
    } finally {
      await copy.evaluate((node) => node.remove());
    }
  };

  test('the toolbar says that there is no device yet, and opens the panel', async () => {
    await adapter().getByText('no device yet').waitFor();
    await adapter().getByRole('button').click();
    await section('Adapter').getByText('No device has been started.').waitFor();
    expect(await section('Kernels').innerText()).toContain('No kernel has run yet.');
  });

  test('the panel starts the device and tells what it is', async () => {
    await button('Start').click();
    await section('Adapter').getByText('Why this one').waitFor({ timeout: 60_000 });
    expect(await section('Adapter').innerText()).toMatch(/software/);
    const name = await section('Adapter').locator('dd').nth(1).innerText();
    expect(await adapter().innerText()).toContain(name);
    await section('Adapter')
      .getByText(/^Limits/)
      .click();
    expect(await section('Adapter').innerText()).toContain('maxStorageBufferBindingSize');
    await section('Adapter')
      .getByText(/^Limits/)
      .click();
  });

  test('memory by owner, and kernels with their times', async () => {
    await run(0);
    await run(1);
    const owners = section('Buffers by owner');
    await owners.getByText('grads', { exact: true }).waitFor();
    // q is 4 * 256 * 64 numbers of four bytes.
    expect(await owners.locator('li', { hasText: /^q/ }).first().innerText()).toContain('256 KiB');
    await section('Kernels').getByText('flash2 dkdv').waitFor();
    for (const kernel of ['flash2 forward', 'flash2 delta', 'flash2 dq']) {
      const row = section('Kernels').locator('tr', { hasText: kernel });
      expect(await row.innerText()).toMatch(/[\d.]+ m?s/);
    }
    expect(await section('Kernels').locator('tr', { hasText: 'flash2 forward' }).innerText()).toContain('In [1]');
    const line = await section('Device memory').locator('.jp-FlashLab-line').getAttribute('d');
    expect(line!.split('V').length).toBeGreaterThan(2);
  });

  test('it looks as it should and is accessible, in both themes', async () => {
    await expectPanel('device-panel-light');
    await expectPicture(adapter(), 'adapter-button');
    for (const selector of ['#flashlab-device-panel', '[data-jp-item-name="flash-adapter"]']) {
      await expectAccessible(page, selector);
    }
    await chooseTheme(page, 'JupyterLab Dark');
    await expectPanel('device-panel-dark');
    await expectAccessible(page, '#flashlab-device-panel');
    await chooseTheme(page, 'JupyterLab Light');
  });

  test('ceilings are measured on request', async () => {
    await button('Measure').click();
    await section('Ceilings').getByText('GFLOP/s').waitFor({ timeout: 60_000 });
    expect(await section('Kernels').innerText()).not.toContain('ceiling');
  });

  test('a running kernel shows how far it is, while its cell runs, and that it was stopped', async () => {
    await run(2, { wait: false });
    const bar = section('Kernels').locator('progress');
    await bar.waitFor();
    const first = Number(await bar.getAttribute('value'));
    await page.waitForFunction(
      (before) =>
        Number(document.querySelector('#flashlab-device-panel progress')?.getAttribute('value') ?? 0) > before,
      first,
    );
    await lab.picture('device-panel');
    await chooseMenu(page, 'Kernel', 'Interrupt Kernel');
    await section('Kernels').locator('tr', { hasText: 'In [3]' }).getByText('stopped').waitFor();
  });

  test('Free keeps what only the device has', async () => {
    await button('Free').first().click();
    await section('Device memory')
      .getByText(/^Freed [\d.,]+ \w+\.$/)
      .waitFor();
    const owners = section('Buffers by owner');
    expect(await owners.getByText('q', { exact: true }).count()).toBe(0);
    expect(await owners.getByText('result', { exact: true }).count()).toBe(1);
    await run(3);
    expect(
      await page.locator('.jp-Notebook:visible .jp-CodeCell').nth(3).locator('.jp-OutputArea-output').innerText(),
    ).toBe('65536');
  });

  test('what only the device has is freed when the reader says so, by keyboard', async () => {
    await button('Free result').focus();
    await page.keyboard.press('Enter');
    const dialog = page.locator('.jp-Dialog');
    await dialog.getByText('Its numbers are only on the device.').waitFor();
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    expect(await button('Free result').count()).toBe(1);
    await button('Free result').click();
    await dialog.getByRole('button', { name: 'Free' }).click();
    await button('Free result').waitFor({ state: 'detached' });
    await run(3, { wait: false });
    await page.locator('.jp-Notebook:visible .jp-CodeCell').nth(3).getByText('was disposed').first().waitFor();
  });

  test('after a restart of the kernel there is no device, and the panel follows', async () => {
    await chooseMenu(page, 'Kernel', 'Restart Kernel…');
    await page.locator('.jp-Dialog').getByRole('button', { name: 'Confirm Kernel Restart' }).click();
    await section('Adapter').getByText('No device has been started.').waitFor({ timeout: 60_000 });
    await adapter().getByText('no device yet').waitFor();
  });

  test('a notebook of another kernel has no adapter, and the panel offers ours', async () => {
    await lab.open('other.ipynb');
    expect(await adapter().isVisible()).toBe(false);
    await page
      .locator('.jp-SideBar [data-id="flashlab-device-panel"], .jp-SideBar [title^="FlashLab:"]')
      .first()
      .click();
    await panel.getByText('Open a FlashLab notebook').waitFor();
  });

  test('the console has no errors', () => expect(lab.errors).toEqual([]));
});
