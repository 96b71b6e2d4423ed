import type { Page } from 'playwright-core';
import { chooseMenu } from './jupyterlab';

/** Takes another theme and waits until figures have its colours too. */
export async function chooseTheme(page: Page, theme: 'JupyterLab Dark' | 'JupyterLab Light'): Promise<void> {
  const paper = () =>
    page.evaluate(() => document.querySelector<SVGElement>('.jp-FlashLab-plot svg.main-svg')?.style.background);
  const before = await paper();
  await chooseMenu(page, 'Settings', 'Theme', theme);
  await page.waitForFunction(
    (old) => document.querySelector<SVGElement>('.jp-FlashLab-plot svg.main-svg')?.style.background !== old,
    before,
  );
  await page.locator('#jupyterlab-splash').waitFor({ state: 'detached' });
}
