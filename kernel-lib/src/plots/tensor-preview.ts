import { cells, frame } from './cells';
import { formatNumber } from './numbers';
import { PALETTE, svgDocument } from './svg';
import { htmlTable, textTable, type Table } from './table';

/** A tensor's numbers, row-major. */
export interface Previewed {
  readonly shape: readonly number[];
  readonly numbers: ArrayLike<number>;
  /** What stands above: dtype and shape. */
  readonly title: string;
}

/** Rows and columns of the table, and of the map. */
const TABLE = { rows: 6, columns: 8 };
const MAP = 48;
const MAP_SIZE = 192;

/** The first matrix of a tensor as a table, and as a map: opacity is size, orange is above 0 and blue below. */
export function tensorPreview({ shape, numbers, title }: Previewed): { text: string; html: string } {
  const columns = shape.length > 0 ? shape[shape.length - 1] : 1;
  const rows = shape.length > 1 ? shape[shape.length - 2] : 1;
  const at = (r: number, c: number): number => numbers[r * columns + c];
  if (numbers.length === 0) return { text: title, html: htmlTable({ caption: title, header: [], rows: [] }) };
  const table = previewTable(rows, columns, at, caption(shape, title));
  const picture = rows > 1 && columns > 1 ? heatMap(rows, columns, at, title) : '';
  return { text: textTable(table), html: `${htmlTable(table)}${picture}` };
}

function caption(shape: readonly number[], title: string): string {
  return shape.length > 2 && shape.slice(0, -2).some((n) => n > 1)
    ? `${title}: [${shape
        .slice(0, -2)
        .map(() => 0)
        .join(',')},:,:]`
    : title;
}

function previewTable(rows: number, columns: number, at: (r: number, c: number) => number, title: string): Table {
  const few = (count: number, most: number): number[] => Array.from({ length: Math.min(count, most) }, (_, n) => n);
  const shown = few(columns, TABLE.columns);
  const more = columns > TABLE.columns ? ['…'] : [];
  const body = few(rows, TABLE.rows).map((r) => [String(r), ...shown.map((c) => formatNumber(at(r, c))), ...more]);
  const header = ['', ...shown.map(String), ...more];
  return {
    caption: title,
    header,
    rows: rows > TABLE.rows ? [...body, header.map(() => '…')] : body,
    numeric: header.map((_, c) => c),
  };
}

/** Of a large matrix, evenly spread rows and columns. */
function heatMap(rows: number, columns: number, at: (r: number, c: number) => number, title: string): string {
  const spread = (count: number): number[] => {
    const shown = Math.min(count, MAP);
    return Array.from({ length: shown }, (_, n) => Math.floor((n * count) / shown));
  };
  const values = spread(rows).map((r) => spread(columns).map((c) => at(r, c)));
  const max = values.flat().reduce((most, x) => (Number.isFinite(x) ? Math.max(most, Math.abs(x)) : most), 0);
  const size = MAP_SIZE / Math.max(values.length, values[0].length);
  const box = { x: 4, y: 4, size };
  const part = (sign: 1 | -1): (number | null)[][] =>
    values.map((row) => row.map((x) => (sign * x > 0 ? Math.min(Math.abs(x), max) : null)));
  const [width, height] = [values[0].length * size, values.length * size];
  const body =
    max > 0 ? [cells(part(1), max, box, PALETTE[0]), cells(part(-1), max, box, PALETTE[1])] : ([] as string[]);
  return svgDocument(width + 8, height + 8, title, [...body, frame(box.x, box.y, width, height)]);
}
