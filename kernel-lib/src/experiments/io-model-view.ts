import { escapeXml } from '../plots/escape';
import type { Figure } from '../plots/figure';
import { lineChart, type LineSeries } from '../plots/line-chart';
import { formatCount, formatNumber } from '../plots/numbers';
import { PALETTE } from '../plots/svg';
import { htmlTable, textTable, type Table } from '../plots/table';
import { bandText } from './band-text';
import type { IoModelReport, ReadsWrites } from './io-model';

type Viewed = Omit<IoModelReport, 'figure' | 'parts'>;

const TITLES = {
  standard: 'standard attention',
  flash1: 'FlashAttention-1',
  flash2: 'FlashAttention-2',
  least: 'every number once',
} as const;
const ALGORITHMS = ['standard', 'flash1', 'flash2'] as const;
/** What papers write for these numbers. */
const FORMULAS = {
  standard: ['3Nd + 2N²', 'Nd + 2N²'],
  flash1: ['2Nd + 2TcNd', 'TcNd + 2TcN'],
  flash2: ['Nd + 2TrNd', 'Nd + N'],
} as const;

export function ioText(report: Viewed): string {
  return [facts(report).join('\n'), ...tables(report).map(textTable)].join('\n\n');
}

export function ioHtml(report: Viewed): string {
  return [`<p>${facts(report).map(escapeXml).join('<br/>')}</p>`, ...tables(report).map(htmlTable)].join('\n');
}

/** The problem in a line. */
function problemLine({ problem }: Viewed): string {
  const { B, H, Hk, Nq, Nk, D, Dv, band } = problem;
  const seen = bandText(band);
  return [
    B * H === 1 ? 'one head' : `B ${B}, H ${H}${Hk === H ? '' : `, Hk ${Hk}`}`,
    Nk === Nq ? `N ${Nq}` : `Nq ${Nq}, Nk ${Nk}`,
    `d ${D}${Dv === D ? '' : `, Dv ${Dv}`}`,
    ...(seen ? [seen] : []),
  ].join(', ');
}

function tileLine({ problem, M, tiles }: Viewed): string {
  const [Tr, Tc] = [Math.ceil(problem.Nq / tiles.br), Math.ceil(problem.Nk / tiles.bc)];
  const sizes = `${tiles.br} queries x ${tiles.bc} keys, so Tr ${Tr} and Tc ${Tc}`;
  return M === null ? `tiles of ${sizes}` : `M ${formatCount(M)} elements on chip: tiles of ${sizes}`;
}

function facts(report: Viewed): string[] {
  return [
    `Elements that the forward pass moves between device memory and chip: ${problemLine(report)}`,
    tileLine(report),
    'Leading terms visit every tile; exact ones count all that crosses, and no tile that the mask empties.',
    'Standard attention is credited, as in the papers, with products that read each factor once.',
  ];
}

const sum = ({ reads, writes }: ReadsWrites): number => reads + writes;

function tables(report: Viewed): Table[] {
  const base = sum(report.standard.exact);
  const ratio = (traffic: ReadsWrites): string => `${formatNumber(base / sum(traffic))} x`;
  const overview: Table = {
    caption: 'Reads and writes',
    header: ['', 'leading reads', '=', 'leading writes', '=', 'exact reads', 'exact writes', 'less than standard'],
    rows: [
      ...ALGORITHMS.map((algorithm) => {
        const { leading, exact } = report[algorithm];
        const [reads, writes] = FORMULAS[algorithm];
        const counts = [exact.reads, exact.writes].map(formatCount);
        const formulas = [reads, formatCount(leading.reads), writes, formatCount(leading.writes)];
        return [TITLES[algorithm], ...formulas, ...counts, ratio(exact)];
      }),
      [
        ...[TITLES.least, '', '', '', ''],
        ...[report.least.reads, report.least.writes].map(formatCount),
        ratio(report.least),
      ],
    ],
    numeric: [2, 4, 5, 6, 7],
  };
  return [overview, ...ALGORITHMS.map((algorithm) => termTable(report, algorithm))];
}

function termTable(report: Viewed, algorithm: (typeof ALGORITHMS)[number]): Table {
  const { terms } = report[algorithm].exact;
  return {
    caption: `Exact terms of ${TITLES[algorithm]}`,
    header: ['tensor', 'why', 'reads', 'writes'],
    rows: terms.map(({ tensor, why, reads, writes }) => [tensor, why, formatCount(reads), formatCount(writes)]),
    numeric: [2, 3],
  };
}

const MILLION = 1e6;

/** Reads and writes over N or M, a line for each algorithm, the least there is dashed. */
export function ioFigure(report: Viewed): Figure {
  const { over, points } = report.sweep;
  // The least comes first: it then lies under a line that meets it.
  const series = (['least', ...ALGORITHMS] as const).map((name, index): LineSeries => ({
    name: TITLES[name],
    colour: PALETTE[index],
    dashed: name === 'least',
    points: points.map((point) => ({
      x: point.x,
      values: [point[name].reads / MILLION, point[name].writes / MILLION],
    })),
  }));
  return lineChart(
    {
      title: over === 'seq' ? 'Memory traffic against sequence length' : 'Memory traffic against on-chip memory',
      notes: [
        `${problemLine(report)}; exact terms`,
        over === 'seq'
          ? tileLine(report)
          : 'tiles of the paper: bc = ceil(M/4d) keys and br = min(bc, d) queries, never more than d',
      ],
      x:
        over === 'seq'
          ? { label: 'sequence length (tokens)', name: 'sequence length' }
          : { label: 'on-chip memory M (elements)', name: 'M' },
      panels: [
        { title: 'Reads', label: 'reads (million elements)' },
        { title: 'Writes', label: 'writes (million elements)' },
      ],
      series,
    },
    formatNumber,
  );
}
