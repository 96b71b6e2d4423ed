import type { Figure } from '../plots/figure';
import { lineChart, type LineSeries } from '../plots/line-chart';
import { formatNumber } from '../plots/numbers';
import { PALETTE } from '../plots/svg';
import type { CheckRow } from './check-case';

/** Points of a line, at the most. */
const POINTS = 40;

/** 1, …, count: all while they are few, then evenly spaced on a logarithmic axis. */
function ranks(count: number): number[] {
  const even = Array.from({ length: POINTS }, (_, n) => Math.round(count ** (n / (POINTS - 1))));
  return [...new Set(even)];
}

/** How near the rows are to their limits: error over allowed of each algorithm's rows, the nearest first. */
export function checkFigure(rows: readonly CheckRow[], adapter: string): Figure {
  const algorithms = [...new Set(rows.map(({ algorithm }) => algorithm))];
  const series = algorithms.map((algorithm, n): LineSeries => {
    const ratios = rows
      .filter((row) => row.algorithm === algorithm)
      .map(({ error, allowed }) => error / allowed)
      .sort((a, b) => b - a);
    const points = ranks(ratios.length).map((rank) => ({ x: rank, values: [ratios[rank - 1]] }));
    return { name: algorithm, colour: PALETTE[n % PALETTE.length], dashed: false, points };
  });
  const most = Math.max(...series.map(({ points }) => points[points.length - 1].x));
  const limit: LineSeries = {
    ...{ name: 'allowed', colour: PALETTE[algorithms.length % PALETTE.length], dashed: true },
    points: ranks(most).map((rank) => ({ x: rank, values: [1] })),
  };
  const failed = rows.filter(({ ok }) => !ok).length;
  return lineChart(
    {
      title: 'Errors against what is allowed',
      notes: [`${rows.length} results of forward and backward against float64, ${adapter}`],
      ...(failed > 0 ? { warning: `${failed} of ${rows.length} results FAILED` } : {}),
      x: { label: 'results, the nearest to its limit first', name: 'rank' },
      panels: [{ title: 'Distance from the limit', label: 'error / allowed' }],
      series: [...series, limit],
    },
    formatNumber,
  );
}
