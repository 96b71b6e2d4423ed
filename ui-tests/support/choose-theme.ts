import type { Page } from 'playwright-core';
import { chooseMenu } from './jupyterlab';

/** Takes another theme and waits until all has its colours, figures too. */
export async function chooseTheme(page: Page, theme: 'JupyterLab Dark' | 'JupyterLab Light'): Promise<void> {
  const paper = () =>
    page.evaluate(() => document.querySelector<SVGElement>('.jp-FlashLab-plot svg.main-svg')?.style.background);
  const before = await paper();
  await chooseMenu(page, 'Settings', 'Theme', theme);
  await page.waitForFunction(
    ([light, old]) => {
      const figure = document.querySelector<SVGElement>('.jp-FlashLab-plot svg.main-svg');
      return document.body.dataset.jpThemeLight === light && (!figure || figure.style.background !== old);
    },
    [String(theme === 'JupyterLab Light'), before] as const,
  );
  await page.locator('#jupyterlab-splash').waitFor({ state: 'detached' });
}
