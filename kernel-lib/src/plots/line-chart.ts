import { escapePlotly } from './escape';
import type { Figure, PlotlyFigure } from './figure';
import { legend, logAxis, panelAxes, polyline, project, svgDocument, text } from './svg';
import type { Axis, Box, SeriesStyle } from './svg';
import { FAILURE, textTable } from './table';

/** A line, drawn in every panel. */
export interface LineSeries extends SeriesStyle {
  readonly name: string;
  /** Where it has points: for each x, the value in each panel; null (or not positive) leaves a gap. */
  readonly points: readonly { readonly x: number; readonly values: readonly (number | null)[] }[];
}

/** A line chart of one or two panels side by side, all axes logarithmic. */
export interface LineChart {
  readonly title: string;
  /** Lines under the title: the problem, the device, what was left out. Long ones are wrapped. */
  readonly notes?: readonly string[];
  /** A warning in red in place of silence, when the numbers below belong to a run that failed its checks. */
  readonly warning?: string;
  /** Label of the axis that the panels share, and its short name in the table. */
  readonly x: { readonly label: string; readonly name: string };
  readonly panels: readonly { readonly title: string; readonly label: string }[];
  readonly series: readonly LineSeries[];
}

const MAX_X_TICKS = 6;
/** Series that a row of plotly's legend holds in a narrow notebook, and its height in pixels. */
const LEGEND_COLUMNS = 4;
const LEGEND_ROW = 22;
const WIDTH = 800;

/** The chart as plotly JSON, SVG and a table. */
export function lineChart(chart: LineChart, format: (value: number) => string): Figure {
  return { plotly: plotly(chart), svg: svg(chart), text: table(chart, format) };
}

/** The points of a series that a logarithmic axis can show. */
function points(series: LineSeries, panel: number): [number, number][] {
  return series.points.flatMap(({ x, values }) => {
    const value = values[panel];
    return value !== null && value > 0 && Number.isFinite(value) ? [[x, value] as [number, number]] : [];
  });
}

function xAxis({ x, series }: LineChart): Axis {
  const all = [...new Set(series.flatMap((one) => one.points.map((point) => point.x)))].sort((a, b) => a - b);
  return logAxis(x.label, all, MAX_X_TICKS, all);
}

function valueAxis({ panels, series }: LineChart, panel: number): Axis {
  return logAxis(
    panels[panel].label,
    series.flatMap((one) => points(one, panel).map(([, value]) => value)),
  );
}

function plotly(chart: LineChart): PlotlyFigure {
  const { panels, series } = chart;
  const suffix = (panel: number): string => (panel === 0 ? '' : String(panel + 1));
  const data = panels.flatMap((panel, index) =>
    series.map((one) => ({
      type: 'scatter',
      mode: 'lines+markers',
      name: escapePlotly(one.name),
      legendgroup: one.name,
      showlegend: index === 0,
      x: points(one, index).map(([x]) => x),
      y: points(one, index).map(([, y]) => y),
      xaxis: `x${suffix(index)}`,
      yaxis: `y${suffix(index)}`,
      line: { color: one.colour, width: 2, dash: one.dashed ? 'dash' : 'solid' },
      marker: { color: one.colour, size: 7, symbol: one.dashed ? 'square' : 'circle' },
      hovertemplate: `${panel.label}: %{y:.4~g}<br>${chart.x.label}: %{x}<extra>${escapePlotly(one.name)}</extra>`,
    })),
  );
  const notes = noteLines(chart).map((note) => escapePlotly(note));
  for (const part of warningLines(chart)) {
    notes.push(`<b><span style="color:${FAILURE}">${escapePlotly(part)}</span></b>`);
  }
  const legendRows = Math.ceil(series.length / LEGEND_COLUMNS);
  const layout: Record<string, unknown> = {
    title: {
      text: escapePlotly(chart.title),
      subtitle: { text: notes.join('<br>') },
      y: 1,
      yanchor: 'top',
      pad: { t: 14 },
    },
    height: 390 + 16 * notes.length + LEGEND_ROW * legendRows,
    margin: { t: 56 + 16 * notes.length, r: 20, b: 62 + LEGEND_ROW * legendRows },
    // Measured from the edge: in shares of the plot it would come to lie over the titles of the axes.
    legend: { orientation: 'h', x: 0.5, xanchor: 'center', yref: 'container', y: 0, yanchor: 'bottom' },
  };
  if (panels.length > 1) layout.grid = { rows: 1, columns: panels.length, pattern: 'independent' };
  panels.forEach((_, index) => {
    layout[`xaxis${suffix(index)}`] = plotlyAxis(xAxis(chart));
    layout[`yaxis${suffix(index)}`] = plotlyAxis(valueAxis(chart, index));
  });
  return { data, layout };
}

/**
 * The ticks of the drawing: plotly's own for logarithmic axes are either two or a crowd. With `standoff` an axis title keeps
 * its distance from the labels, however wide they are.
 */
function plotlyAxis({ label, domain, ticks }: Axis): Record<string, unknown> {
  return {
    type: 'log',
    title: { text: label, standoff: 10 },
    range: domain.map(Math.log10),
    tickvals: ticks.map((tick) => tick.value),
    ticktext: ticks.map((tick) => tick.text),
    automargin: true,
  };
}

function svg(chart: LineChart): string {
  const { panels, series } = chart;
  const middle = WIDTH / 2;
  const body = [text(middle, 24, chart.title, { anchor: 'middle', size: 16, bold: true })];
  let y = 24;
  for (const note of noteLines(chart)) body.push(text(middle, (y += 19), note, { anchor: 'middle' }));
  for (const part of warningLines(chart)) {
    body.push(text(middle, (y += 20), part, { anchor: 'middle', bold: true, size: 13, colour: FAILURE }));
  }
  body.push(legend(middle, (y += 26), series));
  y += 40;
  const each = WIDTH / panels.length;
  panels.forEach((panel, index) => {
    const box: Box = { x: 78 + index * each, y, width: each - 100, height: 240 };
    const [x, axis] = [xAxis(chart), valueAxis(chart, index)];
    body.push(
      panelAxes(box, x, axis, panel.title),
      ...series.map((one) => plot(box, x, axis, points(one, index), one)),
    );
  });
  return svgDocument(WIDTH, y + 240 + 52, chart.title, body);
}

function plot(box: Box, x: Axis, y: Axis, values: readonly [number, number][], style: SeriesStyle): string {
  const toX = project(x, box.x, box.x + box.width);
  const toY = project(y, box.y + box.height, box.y);
  return values.length === 0
    ? ''
    : polyline(
        values.map(([at, value]) => [toX(at), toY(value)] as const),
        style,
      );
}

function table({ title, notes, warning, x, panels, series }: LineChart, format: (value: number) => string): string {
  const rows = series.flatMap((one) =>
    one.points.map((point) => [
      one.name,
      String(point.x),
      ...point.values.map((value) => (value === null ? '-' : format(value))),
    ]),
  );
  const header = ['series', x.name, ...panels.map((panel) => panel.label)];
  const lines = [title, ...(notes ?? []), ...(warning ? [warning] : [])];
  return [...lines, textTable({ header, rows, numeric: header.map((_, c) => c).slice(1) })].join('\n');
}

const NOTE_LENGTH = 110;
const WARNING_LENGTH = 92;

function noteLines({ notes = [] }: LineChart): string[] {
  return notes.flatMap((note) => wrap(note, NOTE_LENGTH));
}

function warningLines({ warning }: LineChart): string[] {
  return warning ? wrap(warning, WARNING_LENGTH) : [];
}

/** Breaks a text at spaces into lines of at most `length` characters; a longer word stays whole. */
function wrap(content: string, length: number): string[] {
  const lines: string[] = [];
  for (const word of content.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= length) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
