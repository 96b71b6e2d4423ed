import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { toMatchImageSnapshot } from 'jest-image-snapshot';
import type { Locator, Page } from 'playwright-core';

expect.extend({ toMatchImageSnapshot });

const root = path.resolve(__dirname, '../..');
const screenshots = path.join(root, '.cache', 'screenshots');

/**
 * Compares an element or the page with ui-tests/pictures/NAME.png, see expectImage.
 * @param mask what differs from run to run, as times do; it is covered
 */
export async function expectPicture(
  target: Locator | Page,
  name: string,
  { mask = [] }: { mask?: Locator[] } = {},
): Promise<void> {
  expectImage(await target.screenshot({ animations: 'disabled', caret: 'hide', mask }), name);
}

/**
 * Compares a PNG with ui-tests/pictures/NAME.png, which `jest -u` replaces by it. It lies then under .cache/screenshots,
 * and where the two differ, both and their difference in the folder diff there.
 */
export function expectImage(png: Buffer, name: string): void {
  mkdirSync(screenshots, { recursive: true });
  writeFileSync(path.join(screenshots, `${name}.png`), png);
  expect(png).toMatchImageSnapshot({
    customSnapshotIdentifier: name,
    customSnapshotsDir: path.join(root, 'ui-tests', 'pictures'),
    customDiffDir: path.join(screenshots, 'diff'),
    // An edge may be rounded otherwise on another machine.
    customDiffConfig: { threshold: 0.05 },
    failureThreshold: 0.002,
    failureThresholdType: 'percent',
  });
}
