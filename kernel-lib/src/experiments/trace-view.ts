import { escapeXml } from '../plots/escape';
import { formatError, formatNumber } from '../plots/numbers';
import { htmlTable, textTable, type Table } from '../plots/table';
import { bandText } from './band-text';
import type { Matrix, TraceStep, TraceWalk } from './tiled-trace';
import type { TraceReport } from './trace';

/** More steps than this are not read by anyone; all of them are in the report's fields. */
const MAX_STEPS = 40;

type Viewed = Pick<TraceReport, 'problem' | 'tiles' | 'q' | 'k' | 'v' | 'flash1' | 'flash2' | 'difference'>;

export function traceText(report: Viewed, notes: readonly string[]): string {
  return [[...facts(report), ...notes].join('\n'), ...tables(report).map(textTable)].join('\n\n');
}

export function traceHtml(report: Viewed, notes: readonly string[]): string {
  return [`<p>${[...facts(report), ...notes].map(escapeXml).join('<br/>')}</p>`, ...tables(report).map(htmlTable)].join(
    '\n',
  );
}

function facts({ problem, tiles, flash1, flash2, difference }: Viewed): string[] {
  const { Nq, Nk, D, Dv, scale, band } = problem;
  const seen = bandText(band);
  const counts = (name: string, { steps, skipped, reads, writes }: TraceWalk, off: number): string =>
    `${name}: ${steps.length} tiles visited, ${skipped.length} skipped` +
    `${skipped.length > 0 ? ` (i,j: ${listed(skipped)})` : ''}; ` +
    `${reads} elements read from device memory, ${writes} written; out is within ${formatError(off)} of plain attention`;
  return [
    `Nq ${Nq}, Nk ${Nk}, D ${D}${Dv === D ? '' : `, Dv ${Dv}`}, scale ${formatNumber(scale)}${seen ? `, ${seen}` : ''}, tiles of ${tiles.br} queries x ${tiles.bc} keys`,
    counts('FlashAttention-1', flash1, difference.flash1),
    counts('FlashAttention-2', flash2, difference.flash2),
  ];
}

function listed(tiles: TraceWalk['skipped']): string {
  const shown = tiles.slice(0, 12).map(({ i, j }) => `${i},${j}`);
  return `${shown.join('  ')}${tiles.length > shown.length ? '  …' : ''}`;
}

function tables(report: Viewed): Table[] {
  return [
    inputs(report),
    steps(
      'FlashAttention-1: key tiles j outside, query tiles i inside; p = exp(s - row maximum of the tile), O is always out so far',
      report.flash1,
    ),
    steps(
      'FlashAttention-2: query tiles i outside, key tiles j inside; p = exp(s - m), O is divided by l at the end',
      report.flash2,
    ),
    results(report.flash2),
  ];
}

const vector = (row: readonly number[]): string =>
  row.map((x) => (x === -Infinity ? '-∞' : formatNumber(x, 3))).join('  ');

function inputs({ q, k, v }: Viewed): Table {
  const rows = Math.max(q.length, k.length);
  const cell = (matrix: Matrix, r: number): string => (matrix[r] ? vector(matrix[r]) : '');
  return {
    caption: 'Inputs',
    header: ['row', 'q', 'k', 'v'],
    rows: Array.from({ length: Math.min(rows, MAX_STEPS) }, (_, r) => [
      String(r),
      ...[q, k, v].map((one) => cell(one, r)),
    ]),
    numeric: [0, 1, 2, 3],
  };
}

/** A row for each query of each visited tile, with what changes in it. */
function steps(caption: string, { steps: all }: TraceWalk): Table {
  const shown = all.slice(0, MAX_STEPS);
  const left = all.length - shown.length;
  return {
    caption: left > 0 ? `${caption} (the first ${shown.length} of ${all.length} steps)` : caption,
    header: ['step', 'tile i,j', 'query', 'keys', 's', 'p', 'm', 'l', 'O'],
    rows: shown.flatMap((step, n) => stepRows(step, n + 1)),
    numeric: [0, 2],
  };
}

function stepRows({ i, j, queries, keys, s, p, before, after }: TraceStep, n: number): string[][] {
  const span = keys.end - keys.begin > 1 ? `${keys.begin}–${keys.end - 1}` : String(keys.begin);
  const change = (from: string, to: string): string => `${from} → ${to}`;
  return s.map((row, r) => [
    r === 0 ? String(n) : '',
    r === 0 ? `${i},${j}` : '',
    String(queries.begin + r),
    span,
    vector(row),
    vector(p[r]),
    change(vector([before.m[r]]), vector([after.m[r]])),
    change(vector([before.l[r]]), vector([after.l[r]])),
    change(vector(before.o[r]), vector(after.o[r])),
  ]);
}

function results({ out, lse }: TraceWalk): Table {
  return {
    caption: 'Results, the same of both',
    header: ['query', 'out', 'lse = m + log(l)'],
    rows: out.map((row, i) => [String(i), vector(row), vector([lse[i]])]),
    numeric: [0, 1, 2],
  };
}
