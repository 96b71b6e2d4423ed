import { escapePlotly } from './escape';
import type { Figure, PlotlyFigure } from './figure';
import { formatNumber } from './numbers';
import { legend, logAxis, panelAxes, polyline, project, svgDocument, text, PALETTE } from './svg';
import type { Axis, Box, SeriesStyle } from './svg';
import { FAILURE, textTable } from './table';

/** One measurement of a sweep over sequence lengths. */
export interface SpeedMemoryRow {
  /** Sequence length (queries). */
  readonly seq: number;
  readonly algorithm: string;
  readonly pass: 'forward' | 'backward';
  /** Milliseconds; null where it was not run. */
  readonly ms: number | null;
  /** Bytes of device memory of the call; null where it was not run. */
  readonly deviceBytes: number | null;
}

export interface SpeedMemoryOptions {
  readonly title: string;
  /** Lines under the title: the problem, the device, what was left out. Long ones are wrapped. */
  readonly notes?: readonly string[];
  /** A warning in red in place of silence, when the numbers below belong to a run that failed its checks. */
  readonly warning?: string;
}

interface Series extends SeriesStyle {
  readonly name: string;
  readonly rows: readonly SpeedMemoryRow[];
}

interface Panel {
  readonly title: string;
  readonly axis: string;
  readonly value: (row: SpeedMemoryRow) => number | null;
}

const MIB = 2 ** 20;
const PANELS: readonly Panel[] = [
  { title: 'Speed', axis: 'time (ms)', value: (row) => row.ms },
  {
    title: 'Memory',
    axis: 'device memory (MiB)',
    value: (row) => (row.deviceBytes === null ? null : row.deviceBytes / MIB),
  },
];
const X_LABEL = 'sequence length (tokens)';
const MAX_X_TICKS = 6;

/**
 * Time and device memory against sequence length, two panels side by side on logarithmic axes, a line for each algorithm
 * and pass. Rows without a number (null, or not positive) leave a gap; order of the rows does not matter.
 */
export function speedMemoryFigure(rows: readonly SpeedMemoryRow[], options: SpeedMemoryOptions): Figure {
  const series = groupSeries(rows);
  const lengths = [...new Set(rows.map((row) => row.seq))].sort((a, b) => a - b);
  return { plotly: plotly(series, lengths, options), svg: svg(series, lengths, options), text: table(series, options) };
}

function groupSeries(rows: readonly SpeedMemoryRow[]): Series[] {
  const algorithms = [...new Set(rows.map((row) => row.algorithm))];
  const passes = ['forward', 'backward'] as const;
  return algorithms.flatMap((algorithm, index) =>
    passes.flatMap((pass) => {
      const own = rows.filter((row) => row.algorithm === algorithm && row.pass === pass);
      if (own.length === 0) return [];
      const colour = PALETTE[index % PALETTE.length];
      return [
        { name: `${algorithm} ${pass}`, colour, dashed: pass === 'backward', rows: own.sort((a, b) => a.seq - b.seq) },
      ];
    }),
  );
}

/** The points of a series that a logarithmic axis can show. */
function points(series: Series, panel: Panel): [number, number][] {
  return series.rows.flatMap((row) => {
    const value = panel.value(row);
    return value !== null && value > 0 && Number.isFinite(value) ? [[row.seq, value] as [number, number]] : [];
  });
}

function valueAxis(panel: Panel, series: readonly Series[]): Axis {
  const values = series.flatMap((one) => points(one, panel).map(([, value]) => value));
  return logAxis(panel.axis, values);
}

function plotly(series: readonly Series[], lengths: readonly number[], options: SpeedMemoryOptions): PlotlyFigure {
  const data = PANELS.flatMap((panel, index) => {
    const suffix = index === 0 ? '' : String(index + 1);
    return series.map((one) => ({
      type: 'scatter',
      mode: 'lines+markers',
      name: escapePlotly(one.name),
      legendgroup: one.name,
      showlegend: index === 0,
      x: points(one, panel).map(([x]) => x),
      y: points(one, panel).map(([, y]) => y),
      xaxis: `x${suffix}`,
      yaxis: `y${suffix}`,
      line: { color: one.colour, width: 2, dash: one.dashed ? 'dash' : 'solid' },
      marker: { color: one.colour, size: 7, symbol: one.dashed ? 'square' : 'circle' },
      hovertemplate: `${panel.axis}: %{y:.4~g}<br>${X_LABEL}: %{x}<extra>${escapePlotly(one.name)}</extra>`,
    }));
  });
  // The ticks of the drawing: plotly's own for logarithmic axes are either two or a crowd. With `standoff` an axis title
  // keeps its distance from the labels, however wide they are.
  const axis = (label: string, { domain, ticks }: Axis): Record<string, unknown> => ({
    type: 'log',
    title: { text: label, standoff: 10 },
    range: domain.map(Math.log10),
    tickvals: ticks.map((tick) => tick.value),
    ticktext: ticks.map((tick) => tick.text),
    automargin: true,
  });
  const xAxis = (): Record<string, unknown> => axis(X_LABEL, logAxis(X_LABEL, lengths, MAX_X_TICKS, lengths));
  const yAxis = (panel: Panel): Record<string, unknown> => axis(panel.axis, valueAxis(panel, series));
  const notes = noteLines(options).map((note) => escapePlotly(note));
  for (const part of warningLines(options))
    notes.push(`<b><span style="color:${FAILURE}">${escapePlotly(part)}</span></b>`);
  const title = {
    text: escapePlotly(options.title),
    subtitle: { text: notes.join('<br>') },
    y: 1,
    yanchor: 'top',
    pad: { t: 14 },
  };
  const layout = {
    title,
    height: 410 + 16 * notes.length,
    margin: { t: 56 + 16 * notes.length, r: 20 },
    grid: { rows: 1, columns: 2, pattern: 'independent' },
    legend: { orientation: 'h', x: 0.5, xanchor: 'center', y: -0.2, yanchor: 'top' },
    xaxis: xAxis(),
    yaxis: yAxis(PANELS[0]),
    xaxis2: xAxis(),
    yaxis2: yAxis(PANELS[1]),
  };
  return { data, layout };
}

function svg(series: readonly Series[], lengths: readonly number[], options: SpeedMemoryOptions): string {
  const width = 800;
  const middle = width / 2;
  const body = [text(middle, 24, options.title, { anchor: 'middle', size: 16, bold: true })];
  let y = 24;
  for (const note of noteLines(options)) body.push(text(middle, (y += 19), note, { anchor: 'middle' }));
  for (const part of warningLines(options)) {
    body.push(text(middle, (y += 20), part, { anchor: 'middle', bold: true, size: 13, colour: FAILURE }));
  }
  body.push(legend(middle, (y += 26), series));
  y += 40;
  PANELS.forEach((panel, index) => {
    const box: Box = { x: 78 + index * 400, y, width: 300, height: 240 };
    const values = series.map((one) => points(one, panel));
    const x = logAxis(X_LABEL, lengths, MAX_X_TICKS, lengths);
    const axis = valueAxis(panel, series);
    body.push(panelAxes(box, x, axis, panel.title), ...series.map((one, s) => plot(box, x, axis, values[s], one)));
  });
  return svgDocument(width, y + 240 + 52, options.title, body);
}

function plot(box: Box, x: Axis, y: Axis, values: readonly [number, number][], style: SeriesStyle): string {
  const toX = project(x, box.x, box.x + box.width);
  const toY = project(y, box.y + box.height, box.y);
  return values.length === 0
    ? ''
    : polyline(
        values.map(([seq, value]) => [toX(seq), toY(value)] as const),
        style,
      );
}

function table(series: readonly Series[], options: SpeedMemoryOptions): string {
  const show = (value: number | null): string => (value === null ? '-' : formatNumber(value));
  const rows = series.flatMap((one) =>
    one.rows.map((row) => [one.name, String(row.seq), ...PANELS.map((panel) => show(panel.value(row)))]),
  );
  const header = ['series', 'sequence length', ...PANELS.map((panel) => panel.axis)];
  const lines = [options.title, ...(options.notes ?? []), ...(options.warning ? [options.warning] : [])];
  return [...lines, textTable({ header, rows, numeric: [1, 2, 3] })].join('\n');
}

const NOTE_LENGTH = 110;
const WARNING_LENGTH = 92;

function noteLines(options: SpeedMemoryOptions): string[] {
  return (options.notes ?? []).flatMap((note) => wrap(note, NOTE_LENGTH));
}

function warningLines(options: SpeedMemoryOptions): string[] {
  return options.warning ? wrap(options.warning, WARNING_LENGTH) : [];
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
