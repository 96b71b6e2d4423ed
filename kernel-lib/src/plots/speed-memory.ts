import type { Figure } from './figure';
import { lineChart, type LineChart, type LineSeries } from './line-chart';
import { formatNumber } from './numbers';
import { PALETTE } from './svg';

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

const MIB = 2 ** 20;

/**
 * Time and device memory against sequence length, two panels side by side on logarithmic axes, a line for each algorithm
 * and pass. Rows without a number (null, or not positive) leave a gap; order of the rows does not matter.
 */
export function speedMemoryFigure(
  rows: readonly SpeedMemoryRow[],
  options: Pick<LineChart, 'title' | 'notes' | 'warning'>,
): Figure {
  const chart: LineChart = {
    ...options,
    x: { label: 'sequence length (tokens)', name: 'sequence length' },
    panels: [
      { title: 'Speed', label: 'time (ms)' },
      { title: 'Memory', label: 'device memory (MiB)' },
    ],
    series: groupSeries(rows),
  };
  return lineChart(chart, formatNumber);
}

function groupSeries(rows: readonly SpeedMemoryRow[]): LineSeries[] {
  const algorithms = [...new Set(rows.map((row) => row.algorithm))];
  return algorithms.flatMap((algorithm, index) =>
    (['forward', 'backward'] as const).flatMap((pass) => {
      const own = rows.filter((row) => row.algorithm === algorithm && row.pass === pass);
      if (own.length === 0) return [];
      const points = own
        .sort((a, b) => a.seq - b.seq)
        .map(({ seq, ms, deviceBytes }) => ({ x: seq, values: [ms, deviceBytes === null ? null : deviceBytes / MIB] }));
      const colour = PALETTE[index % PALETTE.length];
      return [{ name: `${algorithm} ${pass}`, colour, dashed: pass === 'backward', points }];
    }),
  );
}
