import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { chooseTheme } from './support/choose-theme';
import { startLab, type Lab } from './support/jupyterlab';
import { codeCell, notebook, PLOTLY } from './support/notebook-file';

/** Shows a figure; `handle.update` replaces it in place. */
const updatingCell = `
from IPython.display import display
def figure(top):
    return {"${PLOTLY}": {"data": [{"x": [0, 10], "y": [0, top]}], "layout": {"height": 300}}}
handle = display(figure(1), raw=True, display_id=True)
`;

describe('the zoom of a figure in JupyterLab', () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await startLab();
    const cells = [codeCell('show', updatingCell), codeCell('update', 'handle.update(figure(5), raw=True)')];
    writeFileSync(path.join(lab.folder, 'zoom.ipynb'), notebook(cells));
    await lab.open('zoom.ipynb');
    await run(0);
    await dragArea().waitFor();
  });
  afterAll(() => lab?.close());

  type Axis = 'xaxis' | 'yaxis';
  type Drawing = HTMLElement & { _fullLayout: Record<Axis, { range: number[] }> };
  const dragArea = () => lab.page.locator('.jp-FlashLab-plot .nsewdrag');
  const drawing = () => lab.page.locator('.jp-FlashLab-plot .js-plotly-plot');
  const range = (axis: Axis) => drawing().evaluate((node, name) => (node as Drawing)._fullLayout[name].range, axis);
  /** Waits until an axis shows something else. */
  const other = (axis: Axis, before: number[]) =>
    lab.page.waitForFunction(
      ([name, old]) => {
        const node = document.querySelector<Drawing>('.jp-FlashLab-plot .js-plotly-plot');
        return node && JSON.stringify(node._fullLayout[name].range) !== old;
      },
      [axis, JSON.stringify(before)] as const,
    );
  const run = async (cell: number) => {
    await lab.page.locator('.jp-Notebook:visible .jp-CodeCell .cm-content').nth(cell).click();
    await lab.page.keyboard.press('Shift+Enter');
  };
  /** Zooms by the mouse into a part of x; resolves to what is shown then. */
  const zoom = async () => {
    const before = await range('xaxis');
    const box = (await dragArea().boundingBox())!;
    const middle = box.y + box.height / 2;
    await lab.page.mouse.move(box.x + box.width * 0.3, middle);
    await lab.page.mouse.down();
    await lab.page.mouse.move(box.x + box.width * 0.5, middle, { steps: 5 });
    await lab.page.mouse.up();
    await other('xaxis', before);
    return range('xaxis');
  };
  const doubleClick = async () => {
    const box = (await dragArea().boundingBox())!;
    await lab.page.mouse.dblclick(box.x + box.width / 2, box.y + box.height / 2);
  };

  test('is kept when the figure is updated in place', async () => {
    const zoomed = await zoom();
    expect(zoomed[0]).toBeGreaterThan(2);
    expect(zoomed[1]).toBeLessThan(6);
    const before = await range('yaxis');
    await run(1);
    await other('yaxis', before);
    expect(await range('xaxis')).toEqual(zoomed);
  });

  test('is kept when JupyterLab has another theme', async () => {
    const zoomed = await range('xaxis');
    await chooseTheme(lab.page, 'JupyterLab Dark');
    expect(await range('xaxis')).toEqual(zoomed);
  });

  test('is kept when the cell has another width', async () => {
    const zoomed = await range('xaxis');
    const before = (await drawing().boundingBox())!.width;
    await lab.page.setViewportSize({ width: 900, height: 1000 });
    await lab.page.waitForFunction(
      (wide) => document.querySelector('.jp-FlashLab-plot svg.main-svg')!.clientWidth < wide - 100,
      before,
    );
    expect(await range('xaxis')).toEqual(zoomed);
  });

  test('is given up by a double click, even after all that', async () => {
    const zoomed = await range('xaxis');
    await doubleClick();
    await other('xaxis', zoomed);
    const [left, right] = await range('xaxis');
    expect(left).toBeLessThan(0);
    expect(right).toBeGreaterThan(10);
    expect((await range('yaxis'))[1]).toBeGreaterThan(5);
  });

  test('the page wrote no error', () => {
    expect(lab.errors).toEqual([]);
  });
});
