import { escapeXml } from '../plots/escape';
import type { Figure } from '../plots/figure';
import { lineChart, type LineSeries } from '../plots/line-chart';
import { formatBytes, formatCount, formatNumber } from '../plots/numbers';
import { PALETTE } from '../plots/svg';
import { htmlTable, textTable, type Table } from '../plots/table';
import type { MemoryBytes, MemoryReport } from './memory';

type Viewed = Omit<MemoryReport, 'figure' | 'parts'>;

export function memoryText(report: Viewed): string {
  return [headline(report), textTable(memoryTable(report))].join('\n\n');
}

export function memoryHtml(report: Viewed): string {
  return [`<p>${escapeXml(headline(report))}</p>`, htmlTable(memoryTable(report))].join('\n');
}

const problemLine = ({ batch, heads, seq, dim, dtype }: Viewed): string =>
  `B ${batch}, H ${heads}, N ${seq}, D ${dim}, ${dtype}`;

function headline(report: Viewed): string {
  const { standardBytes, flashBytes, savings } = report;
  const verdict =
    savings > 0
      ? `FlashAttention takes ${formatNumber(standardBytes / flashBytes)} times less, it saves ${formatNumber(100 * savings)} %`
      : `FlashAttention saves nothing at so short a length`;
  return `Memory of forward attention, ${problemLine(report)}: by the usual formulas ${verdict}.`;
}

function memoryTable({ standardBytes, flashBytes, measured }: Viewed): Table {
  const row = (name: string, what: string, bytes: number): string[] => [
    name,
    what,
    formatBytes(bytes),
    formatCount(bytes),
  ];
  return {
    header: ['attention', 'what counts', 'memory', 'bytes'],
    rows: [
      row('standard, formula', 'B*H*N²*b: the score matrix', standardBytes),
      row('flash, formula', '3*B*H*N*D*b: q, k and v', flashBytes),
      row('naive, allocated', 'q, k, v, out, lse and a score matrix of f32', measured.naive),
      row('flash2, allocated', 'q, k, v, out and lse', measured.flash2),
    ],
    numeric: [2, 3],
  };
}

const MIB = 2 ** 20;

const LINES: readonly { name: string; dashed: boolean; colour: string; bytes: (point: MemoryBytes) => number }[] = [
  { name: 'naive, allocated', dashed: false, colour: PALETTE[0], bytes: ({ measured }) => measured.naive },
  { name: 'standard, formula', dashed: true, colour: PALETTE[0], bytes: ({ standardBytes }) => standardBytes },
  { name: 'flash2, allocated', dashed: false, colour: PALETTE[1], bytes: ({ measured }) => measured.flash2 },
  { name: 'flash, formula', dashed: true, colour: PALETTE[1], bytes: ({ flashBytes }) => flashBytes },
];

/** Memory against sequence length: formulas dashed. */
export function memoryFigure(report: Viewed): Figure {
  const series = LINES.map(({ bytes, ...style }): LineSeries => ({
    ...style,
    points: report.sweep.map((point) => ({ x: point.seq, values: [bytes(point) / MIB] })),
  }));
  return lineChart(
    {
      title: 'Memory of forward attention against sequence length',
      notes: [problemLine(report)],
      x: { label: 'sequence length (tokens)', name: 'sequence length' },
      panels: [{ title: 'Memory', label: 'device memory (MiB)' }],
      series,
    },
    formatNumber,
  );
}
