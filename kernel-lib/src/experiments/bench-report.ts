import type { Algorithm } from '../api/options';
import type { Problem } from '../api/problem';
import { visiblePairs } from '../cost/flops';
import { peakBytes } from '../cost/peak-memory';
import type { Ceilings } from '../device/ceilings';
import type { DeviceInfo } from '../device/device';
import type { Figure } from '../plots/figure';
import { FigureReport } from '../plots/figure-report';
import { formatBytes, formatNumber } from '../plots/numbers';
import { speedMemoryFigure } from '../plots/speed-memory';
import { htmlTable, textTable, type Table } from '../plots/table';
import type { FloatDType } from '../tensor/dtype';
import { bothTiming, type Measurement, memory, timings } from './measure';
import type { Clock, Pass, ReportError } from './report-data';

/** One algorithm's pass at one length. */
export interface BenchRow {
  readonly seq: number;
  readonly pass: Pass;
  readonly algorithm: Algorithm;
  /** Median, in milliseconds. */
  readonly ms: number;
  /** (slowest - fastest) / median of the runs; 0 for a single run. */
  readonly spread: number;
  readonly runs: number;
  /** By the standard count (src/cost/flops.ts), whatever work the algorithm really did. */
  readonly gflops: number;
  /** The same as a share of what a loop of nothing but multiply-adds reaches on this device. */
  readonly ofFma: number;
  /** An exp2 for each visible pair of a query and a key, as a share of what a loop of them reaches. */
  readonly ofExp: number;
  /** The inputs read and the results written once, as a share of what copying reaches. */
  readonly ofCopy: number;
  /** Like ofFma, of the device's matrix units; null where it has none that are used. */
  readonly ofMatrix: number | null;
  /** Time over that of the first algorithm at the same length; NaN where that was not run. */
  readonly ratio: number;
  /** Bytes of all device buffers of the call. */
  readonly deviceBytes: number;
  /** Largest error of the results, against float64 in a sample of rows, as a share of what is allowed; above 1 they are wrong. */
  readonly error: number;
}

/** A forward and the backward after it, together; bytes are those of the larger. */
export interface BenchTotal extends Omit<BenchRow, 'pass'> {
  readonly pass: 'both';
}

/** One algorithm at one length: its runs and what was found wrong with their results. */
export interface BenchPoint {
  readonly measurement: Measurement;
  readonly errors: readonly ReportError[];
}

interface BenchData {
  readonly device: DeviceInfo;
  /** That of the longest length. */
  readonly problem: Problem;
  readonly dtype: FloatDType;
  readonly clock: Clock;
  readonly ceilings: Ceilings;
  readonly points: readonly BenchPoint[];
  readonly notes: readonly string[];
  readonly seconds: number;
}

/** What `flash.bench` measured. */
export class BenchReport extends FigureReport {
  readonly device: DeviceInfo;
  readonly clock: Clock;
  /** What simple loops reach on this device. */
  readonly ceilings: Ceilings;
  /** That of the longest length. */
  readonly problem: Problem;
  readonly rows: readonly BenchRow[];
  readonly totals: readonly BenchTotal[];
  /** What was not run, and why. */
  readonly notes: readonly string[];
  /** Wall-clock time of the whole. */
  readonly seconds: number;
  /** Time and memory against sequence length. */
  readonly figure: Figure;
  private readonly problemLine: string;

  constructor({ device, problem, dtype, clock, ceilings, points, notes, seconds }: BenchData) {
    super();
    this.device = device;
    this.clock = clock;
    this.ceilings = ceilings;
    this.problem = problem;
    this.notes = notes;
    this.seconds = seconds;
    const all = rowsOf(points, clock, ceilings);
    this.rows = all.filter((row): row is BenchRow => row.pass !== 'both');
    this.totals = all.filter((row): row is BenchTotal => row.pass === 'both');
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

  /** Rows and totals, by length, pass and algorithm. */
  all(): (BenchRow | BenchTotal)[] {
    return [...this.rows, ...this.totals].sort(byLength);
  }

  private table(): Table {
    const { fmaGflops, expGops, copyGBs, matrixGflops } = this.ceilings;
    const units = matrixGflops === null ? '' : `, ${formatNumber(matrixGflops)} GFLOP/s on matrix units`;
    const ceilings = ['of fma', 'of exp2', 'of copy', ...(matrixGflops === null ? [] : ['of matrices'])];
    const percent = (share: number): string => `${(100 * share).toFixed(0)} %`;
    const loops = `loops reach ${formatNumber(fmaGflops)} GFLOP/s fma, ${formatNumber(expGops)} Gops/s exp2, ${formatNumber(copyGBs)} GB/s copy${units}`;
    return {
      caption: `${this.problemLine} on ${this.device.name}, ${this.clock} (${formatNumber(this.seconds)} s); ${loops}`,
      header: [
        'N',
        'pass',
        'algorithm',
        'median',
        'spread',
        'runs',
        'GFLOP/s',
        ...ceilings,
        'ratio',
        'memory',
        'error',
      ],
      numeric: Array.from({ length: 9 + ceilings.length }, (_, n) => n).filter((n) => n !== 1 && n !== 2),
      rows: this.all().map((row) => [
        String(row.seq),
        row.pass,
        row.algorithm,
        // A wrong result has no speed.
        row.error <= 1 ? `${formatNumber(row.ms)} ms` : 'wrong',
        `${Math.round(100 * row.spread)} %`,
        String(row.runs),
        formatNumber(row.gflops),
        ...[row.ofFma, row.ofExp, row.ofCopy].map(percent),
        ...(row.ofMatrix === null ? [] : [percent(row.ofMatrix)]),
        Number.isFinite(row.ratio) ? row.ratio.toFixed(2) : '-',
        formatBytes(row.deviceBytes),
        row.error.toFixed(2),
      ]),
    };
  }
}

const OUTPUTS: Record<Pass | 'both', readonly string[]> = {
  forward: ['out', 'lse'],
  backward: ['dq', 'dk', 'dv'],
  both: ['out', 'lse', 'dq', 'dk', 'dv'],
};

/** By length, then forward, backward, both; the order of algorithms stays. */
const rank = ({ seq, pass }: BenchRow | BenchTotal): number => 3 * seq + Object.keys(OUTPUTS).indexOf(pass);
const byLength = (a: BenchRow | BenchTotal, b: BenchRow | BenchTotal): number => rank(a) - rank(b);

/** How near a row is to each ceiling. */
function sharesOf(
  p: Problem,
  { pass, ms, gflops }: Pick<BenchTotal, 'ms' | 'gflops'> & { pass: Pass | 'both' },
  { fmaGflops, expGops, copyGBs, matrixGflops }: Ceilings,
): Pick<BenchRow, 'ofFma' | 'ofExp' | 'ofCopy' | 'ofMatrix'> {
  const passes: readonly Pass[] = pass === 'both' ? ['forward', 'backward'] : [pass];
  // The reference keeps nothing beside inputs and results.
  const bytes = passes.reduce((sum, one) => sum + peakBytes(p, 'reference', one), 0);
  return {
    ofFma: gflops / fmaGflops,
    ofExp: (passes.length * visiblePairs(p)) / ms / 1e6 / expGops,
    ofCopy: bytes / ms / 1e6 / copyGBs,
    ofMatrix: matrixGflops && gflops / matrixGflops,
  };
}

function rowsOf(points: readonly BenchPoint[], clock: Clock, ceilings: Ceilings): (BenchRow | BenchTotal)[] {
  const rows = points.flatMap(({ measurement, errors }) => {
    const { algorithm } = measurement;
    const bytes = memory(measurement).map(({ measured }) => measured);
    const passes = [
      ...timings(measurement, clock).map(({ clock: _clock, ...timing }, n) => ({ ...timing, deviceBytes: bytes[n] })),
      { ...bothTiming(measurement, clock), pass: 'both' as const, deviceBytes: Math.max(...bytes) },
    ];
    return passes.map((row) => {
      const shares = errors
        .filter(({ output }) => OUTPUTS[row.pass].includes(output))
        .map(({ error, allowed }) => error / allowed);
      const own = sharesOf(measurement.problem, row, ceilings);
      return { ...row, algorithm, ...own, error: Math.max(...shares), ratio: NaN };
    });
  }) as (BenchRow | BenchTotal)[];
  const first = points[0]?.measurement.algorithm;
  return rows
    .map((row) => {
      const base = rows.find(({ algorithm, pass, seq }) => algorithm === first && pass === row.pass && seq === row.seq);
      return { ...row, ratio: row.ms / (base?.ms ?? NaN) };
    })
    .sort(byLength);
}
