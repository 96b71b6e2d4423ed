import { readFileSync } from 'node:fs';
import type { AxeResults, RunOptions } from 'axe-core';
import type { Page } from 'playwright-core';

const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const options: RunOptions = { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'], resultTypes: ['violations'] };

/** Fails with a list of what in `selector` breaks a rule of WCAG 2.1, levels A and AA, contrast of colours among them. */
export async function expectAccessible(page: Page, selector: string): Promise<void> {
  await page.locator(selector).first().waitFor();
  await page.evaluate(axe);
  const { violations, passes } = await page.evaluate(
    ([where, how]) =>
      (globalThis as unknown as { axe: typeof import('axe-core') }).axe.run(where, how) as Promise<AxeResults>,
    [selector, options] as const,
  );
  const found = violations.flatMap(({ id, help, nodes }) =>
    nodes.map(
      ({ target, html, failureSummary }) => `${id} (${help})\n  ${target.join(' ')}\n  ${html}\n  ${failureSummary}`,
    ),
  );
  expect(found.join('\n\n')).toBe('');
  // Rules that find nothing to look at pass as well.
  expect(passes.length).toBeGreaterThan(0);
}
