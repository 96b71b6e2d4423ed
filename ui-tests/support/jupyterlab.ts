import { randomBytes } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import path from 'node:path';
import type { Browser, Locator, Page } from 'playwright-core';
import { pathsOf } from '../../scripts/setup/paths.mjs';
import { startServer } from '../../scripts/start/server.mjs';
import { startChromium } from './chromium';

const root = path.resolve(__dirname, '../..');
const screenshots = path.join(root, '.cache', 'screenshots');

/** Messages of JupyterLab itself that say nothing about us. None is known for now. */
const IGNORED: RegExp[] = [];

/** A JupyterLab of the checkout's .venv, and a browser that looks at it. */
export interface Lab {
  /** The folder that is served: a copy of notebooks/, as running a notebook saves it. */
  folder: string;
  page: Page;
  /** Errors that the page wrote to its console or did not catch, since it was opened. */
  errors: string[];
  /** Opens a notebook and waits for its kernel; `idle` is that state in the language of JupyterLab. */
  open(notebook: string, idle?: string): Promise<void>;
  /** Saves a picture of the page as it is now under .cache/screenshots. */
  picture(name: string): Promise<void>;
  close(): Promise<void>;
}

/** Settings of a reader, by the id of their plugin. */
type Settings = Record<string, object>;

/** Writes settings as JupyterLab saves them. */
function writeSettings(folder: string, settings: Settings): void {
  for (const [id, values] of Object.entries(settings)) {
    const file = path.join(folder, `${id.replace(':', '/')}.jupyterlab-settings`);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, JSON.stringify(values));
  }
}

/** A port that nobody listens on; another one each time, so that tests of several checkouts do not meet. */
function freePort(): Promise<number> {
  const server = createServer();
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

/** Starts JupyterLab, with settings and workspaces of its own, and opens nothing yet. */
export async function startLab(settings: Settings = {}): Promise<Lab> {
  mkdirSync(path.join(root, '.cache'), { recursive: true });
  const temporary = mkdtempSync(path.join(root, '.cache', 'lab-'));
  const folder = path.join(temporary, 'notebooks');
  cpSync(path.join(root, 'notebooks'), folder, { recursive: true });
  const token = randomBytes(16).toString('hex');
  const port = await freePort();
  const paths = { ...pathsOf(root), cache: temporary };
  writeSettings(path.join(temporary, 'jupyter', 'settings'), settings);
  const server = await startServer(paths, { port, token, folder, stdio: 'ignore' });
  let browser: Browser | null = null;
  const close = async () => {
    await browser?.close();
    server.child.kill('SIGTERM');
    await server.ended;
    rmSync(temporary, { recursive: true, force: true });
  };
  try {
    browser = await startChromium();
    const page = await browser.newPage({ viewport: { width: 1280, height: 1000 } });
    const errors: string[] = [];
    const note = (text: string) => {
      if (!IGNORED.some((pattern) => pattern.test(text))) errors.push(text);
    };
    page.on('console', (message) => {
      if (message.type() === 'error') note(`${message.text()} (${message.location().url})`);
    });
    page.on('pageerror', (error) => note(error.stack ?? error.message));
    return {
      folder,
      page,
      errors,
      open: async (notebook, idle) => {
        await page.goto(`${server.url}/lab/tree/${notebook}?token=${token}&reset`);
        await page.locator('.jp-Notebook:visible').waitFor();
        await waitUntilIdle(page, idle);
      },
      picture: async (name) => {
        mkdirSync(screenshots, { recursive: true });
        await page.screenshot({ path: path.join(screenshots, `${name}.png`) });
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The status bar tells the state of the kernel; the toolbar's dot lags behind. */
async function waitUntilIdle(page: Page, idle = 'Idle'): Promise<void> {
  await page.locator('#jp-main-statusbar').getByText(`| ${idle}`).waitFor({ timeout: 120_000 });
}

/**
 * Brings something into the middle of the page and waits until it is painted there: JupyterLab lays cells out anew while
 * it scrolls, and the browser skips what it takes for out of sight.
 */
export async function bringIntoView(target: Locator): Promise<void> {
  await target.evaluate(async (element) => {
    const inPlace = () => {
      const { left, top, width, height } = element.getBoundingClientRect();
      return element.contains(document.elementFromPoint(left + width / 2, top + height / 2));
    };
    let steady = 0;
    for (let attempt = 0; attempt < 600 && steady < 10; attempt++) {
      if (inPlace()) steady++;
      else {
        steady = 0;
        element.scrollIntoView({ block: 'center' });
      }
      await new Promise(requestAnimationFrame);
    }
    if (steady < 10) throw new Error('This never came into view.');
  });
}

/** Picks an entry of the main menu by its words. */
export async function chooseMenu(page: Page, ...words: string[]): Promise<void> {
  await page.locator('.lm-MenuBar-itemLabel', { hasText: words[0] }).click();
  for (const word of words.slice(1)) {
    await page.locator('.lm-Menu-itemLabel', { hasText: new RegExp(`^${word}$`) }).click();
  }
}

/**
 * Runs every cell and waits for the last; resolves to the number of code cells, each of which has run. Rejects with the
 * text of the first error, or of anything written to stderr, which JupyterLab marks alike; exercises that nobody has done
 * yet may say so there.
 */
export async function runAll(page: Page, timeout: number): Promise<number> {
  await chooseMenu(page, 'Run', 'Run All Cells');
  const handle = await page.waitForFunction(
    () => {
      const marked = document.querySelectorAll('.jp-Notebook [data-mime-type="application/vnd.jupyter.stderr"]');
      const error = [...marked].find((output) => !/is not done yet|还没有完成/.test(output.textContent ?? ''));
      const prompts = [...document.querySelectorAll('.jp-Notebook .jp-CodeCell .jp-InputPrompt')];
      const finished = prompts.every((prompt) => /\[\d+\]:/.test(prompt.textContent ?? ''));
      return (error ?? finished) && { error: error?.textContent ?? null, cells: prompts.length };
    },
    undefined,
    { timeout },
  );
  const outcome = await handle.jsonValue();
  if (!outcome) throw new Error('unreachable: the wait ends with an outcome');
  if (outcome.error !== null) throw new Error(`A cell failed:\n${outcome.error}`);
  await waitUntilIdle(page);
  return outcome.cells;
}
