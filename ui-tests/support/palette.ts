import type { Locator, Page } from 'playwright-core';

/** Opens the palette and finds a command by its label. */
export async function findCommand(page: Page, label: string): Promise<Locator> {
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

/** Runs a command of the palette. */
export async function runCommand(page: Page, label: string): Promise<void> {
  for (let tries = 0; tries < 10; tries++) {
    const item = await findCommand(page, label);
    // As above: it may be gone before it is clicked.
    const clicked = await item.click({ timeout: 2000 }).then(
      () => true,
      () => false,
    );
    if (clicked) return;
  }
  throw new Error(`The palette never let '${label}' be clicked.`);
}
