import type { Locator } from 'playwright-core';
import { bringIntoView, runAll, startLab, type Lab } from './support/jupyterlab';

const RIGHT = `function safeSoftmax(x: number[]): number[] {
  const m = Math.max(...x);
  const f = x.map((each) => Math.exp(each - m));
  const l = f.reduce((a, b) => a + b, 0);
  return f.map((each) => each / l);
}`;
const WRONG = RIGHT.replace('Math.max(...x)', '0');
const STUB = 'function safeSoftmax';
const CHECK = "exercise('safe-softmax').check";

/** A lesson as a reader works through it. */
describe.each([
  {
    lesson: '01-softmax.ipynb',
    not: 'is not done yet',
    right: 'right on all',
    hint: 'Nothing is subtracted before exp',
  },
  { lesson: 'zh/01-softmax.ipynb', not: '还没有完成', right: '组隐藏输入都正确', hint: '取 exp 之前什么都没有减' },
])('$lesson in JupyterLab', ({ lesson, not, right, hint }) => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await startLab();
    await lab.open(lesson);
  });
  afterAll(() => lab?.close());

  const cell = (text: string): Locator =>
    lab.page.locator('.jp-Notebook:visible .jp-CodeCell', { hasText: text }).first();
  const outputs = (text: string): Locator => cell(text).locator('.jp-OutputArea');

  /** Types an answer over the one that is there, and runs it and its check. */
  async function answer(code: string): Promise<void> {
    await bringIntoView(cell(STUB));
    await cell(STUB).locator('.cm-content').click();
    await lab.page.keyboard.press('Control+A');
    await lab.page.keyboard.insertText(code);
    await lab.page.keyboard.press('Shift+Enter');
    await lab.page.keyboard.press('Shift+Enter');
  }

  test('Run All reaches the end, with exercises that say that they are not done', async () => {
    expect(await runAll(lab.page, 120_000)).toBeGreaterThan(10);
    await bringIntoView(cell(CHECK));
    await outputs(CHECK).getByText(not).waitFor();
    await lab.page.locator('.jp-RenderedMarkdown mjx-container').first().waitFor();
    await lab.picture(`course-${lesson.replace(/\W/g, '-')}`);
  }, 180_000);

  test('a slider changes what its figure shows', async () => {
    const figure = lab.page.locator('.jp-FlashLab-plot', { has: lab.page.locator('.slider-container') }).first();
    await bringIntoView(figure);
    const shown = (): Promise<number> => figure.locator('.scatterlayer .trace .point').count();
    const before = await shown();
    const rail = (await figure.locator('.slider-rail-touch-rect').boundingBox())!;
    await lab.page.mouse.click(rail.x + rail.width - 4, rail.y + rail.height / 2);
    for (let n = 0; n < 50 && (await shown()) === before; n++) await lab.page.waitForTimeout(100);
    expect(await shown()).toBeLessThan(before);
  });

  test('a wrong answer is told where it is wrong, and which mistake it was', async () => {
    await answer(WRONG);
    await outputs(CHECK).getByText('NaN').first().waitFor();
    expect(await outputs(CHECK).innerText()).toContain(hint);
    expect(await outputs(CHECK).innerText()).not.toMatch(/kernel-lib|node:internal/);
    await lab.picture(`course-wrong-${lesson.replace(/\W/g, '-')}`);
  });

  test('the right one is told so', async () => {
    await answer(RIGHT);
    await outputs(CHECK).getByText(right).waitFor();
  });

  test('the page wrote no error', () => {
    expect(lab.errors).toEqual([]);
  });
});
