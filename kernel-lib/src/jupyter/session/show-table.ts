import { inspect } from 'node:util';
import { htmlTable } from '../../plots/table';

const MOST_ROWS = 200;
const MOST_COLUMNS = 20;

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' &&
  value !== null &&
  [Object.prototype, null].includes(Object.getPrototypeOf(value) as object | null);

/** A list of plain objects, as HTML; undefined for any other value. */
export function objectsTable(value: unknown): string | undefined {
  if (!Array.isArray(value) || value.length < 2 || !value.every(isRecord)) return undefined;
  const names = [...new Set(value.slice(0, MOST_ROWS).flatMap((row) => Object.keys(row)))];
  if (names.length === 0 || names.length > MOST_COLUMNS) return undefined;
  const cell = (x: unknown): string =>
    x === undefined
      ? ''
      : typeof x === 'string'
        ? x
        : inspect(x, { depth: 0, breakLength: Infinity, maxArrayLength: 5 });
  const rows = value.slice(0, MOST_ROWS).map((row, n) => [String(n), ...names.map((name) => cell(row[name]))]);
  const isNumber = (x: unknown): boolean => typeof x === 'number' || x === undefined;
  const numeric = names.flatMap((name, c) => (value.every((row) => isNumber(row[name])) ? [c + 1] : []));
  const left = value.length - rows.length;
  return htmlTable({
    ...(left > 0 ? { caption: `The first ${rows.length} of ${value.length} rows` } : {}),
    header: ['', ...names],
    rows,
    numeric: [0, ...numeric],
  });
}
