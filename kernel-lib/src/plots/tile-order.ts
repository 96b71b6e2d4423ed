import { cells, frame, shades } from './cells';
import { escapePlotly } from './escape';
import type { Figure, PlotlyFigure } from './figure';
import { line, PALETTE, round, svgDocument, text, textWidth } from './svg';
import { textTable } from './table';

/** The tiles of a score matrix in the order in which algorithms visit them, a panel for each algorithm. */
export interface TileOrder {
  readonly title: string;
  readonly notes?: readonly string[];
  /** Tiles of queries (downwards) and of keys (to the right). */
  readonly rows: number;
  readonly columns: number;
  readonly panels: readonly {
    readonly title: string;
    readonly visits: readonly { readonly i: number; readonly j: number }[];
  }[];
}

type Panel = TileOrder['panels'][number];

const COLOUR = PALETTE[1];
const PATH = PALETTE[0];
const QUERIES = 'query tile i';
const KEYS = 'key tile j';

/** The figure: visited tiles numbered from 1 and darker the later, a line from each to the next; skipped ones are empty. */
export function tileOrderFigure(order: TileOrder): Figure {
  return { plotly: plotly(order), svg: svg(order), text: table(order) };
}

/** When each tile is visited, from 1; null for one that is not. */
function ranks({ rows, columns }: TileOrder, { visits }: Panel): (number | null)[][] {
  const grid = Array.from({ length: rows }, () => Array<number | null>(columns).fill(null));
  visits.forEach(({ i, j }, step) => (grid[i][j] = step + 1));
  return grid;
}

/** How dark: the first tile differs from a skipped one, the last one leaves its number readable. */
const shade = (rank: number, last: number): number => 0.15 + (0.35 * rank) / last;

function plotly(order: TileOrder): PlotlyFigure {
  const { rows, columns, panels } = order;
  const suffix = (panel: number): string => (panel === 0 ? '' : String(panel + 1));
  const data = panels.flatMap((panel, index) => {
    const grid = ranks(order, panel);
    const axes = { xaxis: `x${suffix(index)}`, yaxis: `y${suffix(index)}` };
    const last = panel.visits.length;
    const heatmap = {
      type: 'heatmap',
      name: escapePlotly(panel.title),
      z: grid.map((row) => row.map((rank) => (rank === null ? null : shade(rank, last)))),
      ...{ zmin: 0, zmax: 1, xgap: 1, ygap: 1, showscale: false, colorscale: shades(COLOUR) },
      text: grid.map((row) => row.map((rank) => (rank === null ? '' : String(rank)))),
      hovertemplate: `${QUERIES}: %{y}<br>${KEYS}: %{x}<br>visit %{text}<extra></extra>`,
      ...axes,
    };
    const path = {
      type: 'scatter',
      // No line ever runs through the upper left of a tile's centre.
      mode: numbered(order) ? 'lines+text' : 'lines',
      text: panel.visits.map((_, step) => `${step + 1}\u00a0`),
      textposition: 'top left',
      x: panel.visits.map(({ j }) => j),
      y: panel.visits.map(({ i }) => i),
      line: { color: PATH, width: 1 },
      ...{ hoverinfo: 'skip', showlegend: false },
      ...axes,
    };
    return [heatmap, path];
  });
  const axis = (label: string, count: number): Record<string, unknown> => ({
    title: { text: label, standoff: 8 },
    ...{ dtick: Math.ceil(count / 16), tick0: 0, showgrid: false, zeroline: false, automargin: true },
    constrain: 'domain',
  });
  const layout: Record<string, unknown> = {
    title: {
      text: escapePlotly(order.title),
      subtitle: { text: (order.notes ?? []).map(escapePlotly).join('<br>') },
      ...{ y: 1, yanchor: 'top', pad: { t: 14 } },
    },
    height: 430 + 16 * (order.notes ?? []).length,
    margin: { t: 90 + 16 * (order.notes ?? []).length, r: 20 },
    grid: { rows: 1, columns: panels.length, pattern: 'independent' },
    annotations: panels.map((panel, index) => ({
      text: `<b>${escapePlotly(panel.title)}</b>`,
      ...{ xref: `x${suffix(index)} domain`, yref: `y${suffix(index)} domain` },
      ...{ x: 0.5, y: 1, xanchor: 'center', yanchor: 'bottom', showarrow: false },
    })),
  };
  panels.forEach((_, index) => {
    layout[`xaxis${suffix(index)}`] = { ...axis(KEYS, columns), range: [-0.5, columns - 0.5] };
    layout[`yaxis${suffix(index)}`] = {
      ...axis(QUERIES, rows),
      range: [rows - 0.5, -0.5],
      scaleanchor: `x${suffix(index)}`,
    };
  });
  return { data, layout };
}

/** Whether a tile is large enough for its number. */
const numbered = ({ rows, columns }: TileOrder): boolean => Math.max(rows, columns) <= 16;

function svg(order: TileOrder): string {
  const { title, notes = [], rows, columns, panels } = order;
  const size = Math.max(2, Math.floor(Math.min(44, 320 / columns, 320 / rows)));
  const panelWidth = Math.max(columns * size, ...panels.map((panel) => textWidth(panel.title, 13))) + 80;
  const width = Math.max(
    panels.length * panelWidth,
    32 + textWidth(title, 16),
    ...notes.map((note) => 32 + textWidth(note)),
  );
  const body = [text(width / 2, 24, title, { anchor: 'middle', size: 16, bold: true })];
  let y = 24;
  for (const note of notes) body.push(text(width / 2, (y += 19), note, { anchor: 'middle' }));
  y += 60;
  const left = (width - panels.length * panelWidth) / 2;
  panels.forEach((panel, index) => {
    const x = Math.round(left + index * panelWidth + (panelWidth + 24 - columns * size) / 2);
    body.push(...drawPanel(order, panel, { x, y, size }));
  });
  return svgDocument(width, y + rows * size + 16, title, body);
}

function drawPanel(order: TileOrder, panel: Panel, at: { x: number; y: number; size: number }): string[] {
  const { rows, columns } = order;
  const { x, y, size } = at;
  const grid = ranks(order, panel);
  const last = panel.visits.length;
  const [width, height] = [columns * size, rows * size];
  const centre = ({ i, j }: { i: number; j: number }): [number, number] => [x + (j + 0.5) * size, y + (i + 0.5) * size];
  const every = (count: number): number => Math.ceil(count / 16);
  const path = panel.visits.map((tile, step) => `${step ? 'L' : 'M'}${centre(tile).map(round).join(' ')}`).join('');
  return [
    text(x + width / 2, y - 36, panel.title, { anchor: 'middle', size: 13, bold: true }),
    text(x + width / 2, y - 20, KEYS, { anchor: 'middle', size: 11 }),
    text(x - 24, y + height / 2, QUERIES, { anchor: 'middle', size: 11, rotate: -90 }),
    cells(
      grid.map((row) => row.map((rank) => (rank === null ? null : shade(rank, last)))),
      1,
      at,
      COLOUR,
    ),
    ...[...Array(columns).keys()].flatMap((j) =>
      j % every(columns) ? [] : [text(x + (j + 0.5) * size, y - 6, String(j), { anchor: 'middle', size: 10 })],
    ),
    ...[...Array(rows).keys()].flatMap((i) =>
      i % every(rows) ? [] : [text(x - 6, y + (i + 0.5) * size + 4, String(i), { anchor: 'end', size: 10 })],
    ),
    ...(size >= 8 ? gridLines(order, at) : []),
    frame(x, y, width, height),
    path ? `<path d="${path}" fill="none" stroke="${PATH}" stroke-width="1.2" stroke-opacity="0.7"/>` : '',
    ...(numbered(order) ? panel.visits.map((tile, step) => number(centre(tile), step + 1)) : []),
  ];
}

function gridLines({ rows, columns }: TileOrder, { x, y, size }: { x: number; y: number; size: number }): string[] {
  return [
    ...[...Array(columns).keys()].map((j) => line(x + j * size, y, x + j * size, y + rows * size, 0.4)),
    ...[...Array(rows).keys()].map((i) => line(x, y + i * size, x + columns * size, y + i * size, 0.4)),
  ];
}

/** To the upper left of the tile's centre, where no line ever runs. */
const number = ([x, y]: [number, number], value: number): string =>
  text(x - 3, y - 4, String(value), { anchor: 'end', size: 10, bold: true });

function table(order: TileOrder): string {
  const header = ['i \\ j', ...[...Array(order.columns).keys()].map(String)];
  const panels = order.panels.map((panel) =>
    textTable({
      caption: panel.title,
      header,
      rows: ranks(order, panel).map((row, i) => [
        String(i),
        ...row.map((rank) => (rank === null ? '.' : String(rank))),
      ]),
      numeric: header.map((_, c) => c),
    }),
  );
  return [order.title, ...(order.notes ?? []), ...panels].join('\n');
}
