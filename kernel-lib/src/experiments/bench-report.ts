import type { Problem } from '../api/problem';
import type { DeviceInfo } from '../device/device';
import type { Figure } from '../plots/figure';
import { FigureReport } from '../plots/figure-report';
import { formatBytes, formatNumber } from '../plots/numbers';
import { speedMemoryFigure } from '../plots/speed-memory';
import { htmlTable, textTable, type Table } from '../plots/table';
import type { FloatDType } from '../tensor/dtype';
import type { Clock, ReportMemory, ReportTiming } from './report-data';

/** One algorithm's pass at one length. */
export interface BenchRow extends Omit<ReportTiming, 'clock'> {
  /** Bytes of all device buffers of the call. */
  readonly deviceBytes: number;
  /** Time over that of the first algorithm at the same length; NaN where that was not run. */
  readonly ratio: number;
}

interface BenchData {
  readonly device: DeviceInfo;
  /** That of the longest length. */
  readonly problem: Problem;
  readonly dtype: FloatDType;
  readonly clock: Clock;
  readonly timings: readonly ReportTiming[];
  readonly memory: readonly ReportMemory[];
  readonly notes: readonly string[];
  readonly seconds: number;
}

/** What `flash.bench` measured. */
export class BenchReport extends FigureReport {
  readonly device: DeviceInfo;
  readonly clock: Clock;
  readonly rows: readonly BenchRow[];
  /** What was not run, and why. */
  readonly notes: readonly string[];
  /** Wall-clock time of the whole. */
  readonly seconds: number;
  /** Time and memory against sequence length. */
  readonly figure: Figure;
  private readonly problemLine: string;

  constructor({ device, problem, dtype, clock, timings, memory, notes, seconds }: BenchData) {
    super();
    this.device = device;
    this.clock = clock;
    this.notes = notes;
    this.seconds = seconds;
    this.rows = rowsOf(timings, memory);
    const { B, H, Hk, D, Dv, band } = problem;
    this.problemLine = `B ${B}, H ${H}, Hk ${Hk}, D ${D}, Dv ${Dv}, ${dtype}${band.right === 0 ? ', causal' : ''}`;
    this.figure = speedMemoryFigure(this.rows, {
      title: 'Speed and memory against sequence length',
      notes: [this.problemLine, `${device.name}, ${clock}`, ...notes],
    });
  }

  protected text(): string {
    return [textTable(this.table()), ...this.notes].join('\n');
  }

  protected html(): string {
    return htmlTable(this.table());
  }

  /** For a terminal: the figure's numbers would only be more of the same. */
  override toString(): string {
    return this.text();
  }

  private table(): Table {
    return {
      caption: `${this.problemLine} on ${this.device.name}, ${this.clock} (${formatNumber(this.seconds)} s)`,
      header: ['N', 'pass', 'algorithm', 'median', 'spread', 'runs', 'GFLOP/s', 'ratio', 'memory'],
      numeric: [0, 3, 4, 5, 6, 7, 8],
      rows: this.rows.map((row) => [
        String(row.seq),
        row.pass,
        row.algorithm,
        `${formatNumber(row.ms)} ms`,
        `${Math.round(100 * row.spread)} %`,
        String(row.runs),
        formatNumber(row.gflops),
        Number.isFinite(row.ratio) ? row.ratio.toFixed(2) : '-',
        formatBytes(row.deviceBytes),
      ]),
    };
  }
}

/** By length, pass and algorithm. */
function rowsOf(timings: readonly ReportTiming[], memory: readonly ReportMemory[]): BenchRow[] {
  const first = timings[0]?.algorithm;
  const rows = timings.map(({ clock: _clock, ...timing }): BenchRow => {
    const { algorithm, pass, seq, ms } = timing;
    const base = timings.find((one) => one.algorithm === first && one.pass === pass && one.seq === seq);
    const bytes = memory.find((one) => one.algorithm === algorithm && one.pass === pass && one.seq === seq);
    return { ...timing, deviceBytes: bytes!.measured, ratio: ms / (base?.ms ?? NaN) };
  });
  const rank = ({ seq, pass }: BenchRow): number => 2 * seq + (pass === 'forward' ? 0 : 1);
  return rows.sort((a, b) => rank(a) - rank(b));
}
