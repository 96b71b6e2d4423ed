import { FlashError } from '../api/errors';
import { cells, frame, shades } from './cells';
import { escapePlotly } from './escape';
import { DISPLAY, displayFigure } from './figure';
import type { Figure, MimeBundle, PlotlyFigure } from './figure';
import { formatNumber } from './numbers';
import { line, linearAxis, PALETTE, project, round, svgDocument, text, textWidth } from './svg';
import { textTable } from './table';

export interface AttentionMapOptions {
  /** A label for each key: the words (tokens) of the text. Repeated words are kept apart. */
  readonly words: readonly string[];
  /** The queries shown, top to bottom, as indices into `queryWords`. Default: as many as there are rows, from 0. */
  readonly rows?: readonly number[];
  /** Labels of the queries. Default: `words`, as in self-attention. */
  readonly queryWords?: readonly string[];
  readonly title?: string;
}

/** A drawn attention map: a figure that a notebook shows when it is the last value of a cell. */
export interface AttentionMap extends Figure {
  [DISPLAY](): MimeBundle;
}

interface MapData {
  readonly title: string;
  /** Probabilities, one list per shown query. */
  readonly p: readonly (readonly number[])[];
  readonly queries: readonly string[];
  readonly keys: readonly string[];
  readonly max: number;
}

const MAX_CELLS = 2 ** 18;
const MAX_SIDE = 1024;
// Opacity of one colour shows the probability: 0 is the paper itself, be it white or black.
const COLOUR = PALETTE[0];

/**
 * Heat map of the attention probabilities of one head: a row for each query, a column for each key, as
 * `flash.attentionWeights` gives them.
 *
 * `weights` is a list of rows, or all of them flat in row order (rows * words.length numbers). Throws a FlashError
 * (INVALID_ARGUMENT) if sizes disagree, a weight is negative or not finite, or a row index has no word.
 */
export function attentionMap(
  weights: Float32Array | readonly (readonly number[])[],
  options: AttentionMapOptions,
): AttentionMap {
  const map = checked(weights, options);
  const figure: Figure = { plotly: plotly(map), svg: svg(map), text: table(map) };
  return { ...figure, [DISPLAY]: () => displayFigure(figure) };
}

function checked(weights: Float32Array | readonly (readonly number[])[], options: AttentionMapOptions): MapData {
  const keys = options?.words;
  if (!Array.isArray(keys) || keys.length === 0) throw invalid('words', 'at least one label', describe(keys));
  const flat = weights instanceof Float32Array;
  if (!flat && !Array.isArray(weights)) throw invalid('weights', 'a Float32Array or a list of rows', describe(weights));
  const count = flat ? weights.length / keys.length : weights.length;
  if (count < 1 || !Number.isInteger(count)) {
    throw invalid(
      'weights',
      `a whole number of rows of ${keys.length} (one number for each word)`,
      `${weights.length}`,
    );
  }
  if (count * keys.length > MAX_CELLS || Math.max(count, keys.length) > MAX_SIDE) {
    const most = `at most ${MAX_SIDE} rows, ${MAX_SIDE} words and ${MAX_CELLS} cells (choose fewer)`;
    throw invalid('weights', most, `${count} x ${keys.length}`);
  }
  const queryWords = options.queryWords ?? keys;
  const rows = options.rows ?? Array.from({ length: count }, (_, r) => r);
  if (rows.length !== count) throw invalid('rows', `${count} indices, one for each row of weights`, `${rows.length}`);
  const p = rows.map((row, r) => {
    if (!Number.isInteger(row) || row < 0 || row >= queryWords.length) {
      throw invalid(`rows[${r}]`, `an index below ${queryWords.length}, the number of words`, String(row));
    }
    const values = flat ? [...weights.subarray(r * keys.length, (r + 1) * keys.length)] : [...weights[r]];
    if (values.length !== keys.length) throw invalid(`weights[${r}]`, `${keys.length} numbers`, `${values.length}`);
    const bad = values.findIndex((value) => !(value >= 0 && value < Infinity));
    if (bad >= 0) throw invalid(`weights[${r}][${bad}]`, 'a finite number, not negative', String(values[bad]));
    return values;
  });
  // Math.max(...) of a long list would overflow the call stack.
  const max = p.reduce((top, row) => row.reduce((a, b) => Math.max(a, b), top), 0);
  return {
    title: options.title ?? 'Attention weights',
    p,
    queries: rows.map((row) => queryWords[row]),
    keys,
    max: max || 1,
  };
}

function plotly(map: MapData): PlotlyFigure {
  const data = [
    {
      type: 'heatmap',
      x: distinct(map.keys),
      y: distinct(map.queries),
      z: map.p,
      zmin: 0,
      zmax: map.max,
      colorscale: shades(COLOUR),
      colorbar: { title: { text: 'p' } },
      hovertemplate: '%{y} → %{x}: p = %{z:.3~g}<extra></extra>',
    },
  ];
  const layout = {
    title: { text: escapePlotly(map.title) },
    height: Math.min(720, 190 + 22 * map.queries.length),
    xaxis: {
      type: 'category',
      title: { text: 'key', standoff: 10 },
      tickangle: -60,
      automargin: true,
      showgrid: false,
      zeroline: false,
    },
    yaxis: {
      type: 'category',
      title: { text: 'query', standoff: 10 },
      autorange: 'reversed',
      automargin: true,
      showgrid: false,
      zeroline: false,
    },
  };
  return { data, layout };
}

/** Plotly merges categories of the same name; invisible characters (zero-width spaces) keep repeated words apart. */
function distinct(words: readonly string[]): string[] {
  const seen = new Map<string, number>();
  return words.map((word) => {
    const times = seen.get(word) ?? 0;
    seen.set(word, times + 1);
    return escapePlotly(word) + '\u200b'.repeat(times);
  });
}

function svg(map: MapData): string {
  const [queries, keys] = [map.queries.map(shorten), map.keys.map(shorten)];
  // Whole units, so that neighbouring rows neither overlap nor leave a gap.
  const cell = Math.max(2, Math.floor(Math.min(26, 600 / keys.length, 560 / queries.length)));
  const labelWidth = Math.max(...keys.map((word) => textWidth(word, 11)));
  // Column labels are turned by 60 degrees: a word of length L takes L sin 60 below and L cos 60 to the left.
  const left = Math.max(40 + Math.max(...queries.map((word) => textWidth(word, 11))), 30 + labelWidth / 2);
  const top = 48;
  const [width, height] = [cell * keys.length, cell * queries.length];
  const bottom = top + height;
  const labelHeight = labelWidth * 0.87;
  const every = Math.ceil(13 / cell);
  const body = [
    text(16, 24, map.title, { size: 16, bold: true }),
    cells(map.p, map.max, { x: left, y: top, size: cell }, COLOUR),
    frame(left, top, width, height),
    ...queries.flatMap((word, r) =>
      r % every ? [] : [text(left - 6, top + (r + 0.5) * cell + 4, word, { anchor: 'end', size: 11 })],
    ),
    ...keys.flatMap((word, c) =>
      c % every ? [] : [text(left + (c + 0.5) * cell + 4, bottom + 12, word, { anchor: 'end', size: 11, rotate: -60 })],
    ),
    text(14, top + height / 2, 'query', { anchor: 'middle', rotate: -90 }),
    text(left + width / 2, bottom + 34 + labelHeight, 'key', { anchor: 'middle' }),
    colourBar(left + width + 20, top, Math.max(80, Math.min(height, 240)), map.max),
  ];
  // Rotated labels lean to the left and a title may be longer than a small map is wide.
  const full = Math.max(left + width + 90, 32 + textWidth(map.title, 16));
  return svgDocument(full, Math.max(bottom + 46 + labelHeight, top + 130), map.title, body);
}

function colourBar(x: number, y: number, height: number, max: number): string {
  const axis = linearAxis('p', 0, max, 4);
  const toY = project(axis, y + height, y);
  const steps = 32;
  const shades = Array.from({ length: steps }, (_, s) => {
    const opacity = round((s + 0.5) / steps);
    return `<rect x="${round(x)}" y="${round(y + height - ((s + 1) * height) / steps)}" width="12" height="${round(height / steps)}" fill-opacity="${opacity}"/>`;
  });
  const ticks = axis.ticks.map(
    (tick) =>
      line(x + 12, toY(tick.value), x + 16, toY(tick.value)) +
      text(x + 20, toY(tick.value) + 4, tick.text, { size: 11 }),
  );
  const bar = `<g fill="${COLOUR}" shape-rendering="crispEdges">${shades.join('')}</g>`;
  return bar + frame(x, y, 12, height) + ticks.join('') + text(x, y - 8, 'p', { size: 12 });
}

function table(map: MapData): string {
  const rows = map.p.map((row, r) => {
    const best = row.map((value, key) => ({ value, key })).sort((a, b) => b.value - a.value || a.key - b.key);
    return [
      map.queries[r],
      ...[0, 1, 2].map((rank) => (best[rank] ? `${map.keys[best[rank].key]} ${formatNumber(best[rank].value)}` : '')),
    ];
  });
  return textTable({ caption: map.title, header: ['query', 'key and p', 'second', 'third'], rows });
}

function shorten(word: string): string {
  const chars = [...word];
  return chars.length > 16 ? `${chars.slice(0, 15).join('')}…` : word;
}

function invalid(argument: string, expected: string, given: string): FlashError {
  return new FlashError('INVALID_ARGUMENT', `attentionMap: ${argument}: expected ${expected}, got ${given}`);
}

function describe(value: unknown): string {
  return Array.isArray(value) ? `a list of ${value.length}` : value === null ? 'null' : typeof value;
}
