import { escapeXml } from './escape';

/** A table of ready-made texts: one header and rows of the same length. */
export interface Table {
  readonly caption?: string;
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** Columns with numbers, set to the right. */
  readonly numeric?: readonly number[];
  /** Rows to stand out as failures (row indices). */
  readonly failed?: readonly number[];
}

/** The table for a terminal: columns padded with spaces, a rule under the header, "!" before failed rows. */
export function textTable(table: Table): string {
  const lines = [table.header, ...table.rows];
  const widths = table.header.map((_, c) => Math.max(...lines.map((line) => [...line[c]].length)));
  const failed = new Set(table.failed);
  const mark = (row: number): string => (failed.size === 0 ? '' : failed.has(row) ? '! ' : '  ');
  const format = (line: readonly string[]): string =>
    line
      .map((cell, c) => {
        const padding = ' '.repeat(widths[c] - [...cell].length);
        return table.numeric?.includes(c) ? padding + cell : cell + padding;
      })
      .join('  ')
      .trimEnd();
  return [
    ...(table.caption ? [table.caption] : []),
    mark(-1) + format(table.header),
    mark(-1) + widths.map((width) => '-'.repeat(width)).join('  '),
    ...table.rows.map((row, r) => mark(r) + format(row)),
  ].join('\n');
}

/** The table as HTML: escaped, no scripts, no colours of its own but the red of failures, so that any theme suits it. */
export function htmlTable(table: Table): string {
  const failed = new Set(table.failed);
  const align = (c: number): string =>
    ` style="padding:1px 8px;text-align:${table.numeric?.includes(c) ? 'right' : 'left'}"`;
  const head = table.header.map((cell, c) => `<th${align(c)}>${escapeXml(cell)}</th>`).join('');
  const body = table.rows.map((row, r) => {
    const cells = row.map((cell, c) => `<td${align(c)}>${escapeXml(cell)}</td>`).join('');
    return failed.has(r) ? `<tr style="color:${FAILURE};font-weight:bold">${cells}</tr>` : `<tr>${cells}</tr>`;
  });
  const caption = table.caption
    ? `<caption style="text-align:left;caption-side:top">${escapeXml(table.caption)}</caption>`
    : '';
  return `<table>${caption}<thead><tr>${head}</tr></thead><tbody>${body.join('')}</tbody></table>`;
}

/** Red that is readable on white and on near-black. */
export const FAILURE = '#e5484d';
