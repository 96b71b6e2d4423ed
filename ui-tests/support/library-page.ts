import type { Page } from 'playwright-core';
import { startChromium } from './chromium';
import { serveFolder } from './serve-folder';

/** A page in Chromium that has the library as the global `flash`. */
export interface LibraryPage {
  readonly page: Page;
  /** Errors that the page reported. */
  readonly errors: readonly string[];
  close(): Promise<void>;
}

/**
 * @param folder has the library's browser.mjs, and what else the page may fetch
 * @param script more that the page runs first
 */
export async function openLibraryPage(folder: string, script = ''): Promise<LibraryPage> {
  // jest would make a require of an import() in a test, so the page imports the library itself.
  const html = `<!doctype html><script type="module">
import * as flash from './browser.mjs';
${script}
globalThis.flash = flash;
</script>`;
  const server = await serveFolder(folder, html);
  const browser = await startChromium().catch(async (error: unknown) => {
    await server.close();
    throw error;
  });
  const close = async (): Promise<void> => {
    await browser.close();
    await server.close();
  };
  const errors: string[] = [];
  try {
    const page = await browser.newPage();
    page.on('console', (message) => {
      if (message.type() === 'error') errors.push(message.text());
    });
    page.on('pageerror', (error) => errors.push(error.stack ?? error.message));
    await page.goto(server.url);
    await page.waitForFunction(() => 'flash' in globalThis);
    return { page, errors, close };
  } catch (error) {
    await close();
    throw error;
  }
}
