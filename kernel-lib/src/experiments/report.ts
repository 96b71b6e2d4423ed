import type { Problem } from '../api/problem';
import type { DeviceInfo } from '../device/device';
import type { Figure } from '../plots/figure';
import { speedMemoryFigure } from '../plots/speed-memory';
import type { FloatDType } from '../tensor/tensor';
import { FigureReport } from '../plots/figure-report';
import type { AttentionReportData, ReportError, ReportMemory, ReportTiles, ReportTiming } from './report-data';
import { clockLine, headline, problemLine, reportHtml, reportText } from './report-view';

/** What `attentionReport` found: plain fields, and how a notebook shows them. */
export class AttentionReport extends FigureReport implements AttentionReportData {
  readonly device: DeviceInfo;
  readonly problem: Problem;
  readonly dtype: FloatDType;
  readonly seed: number;
  readonly randomInputs: boolean;
  readonly algorithm: string;
  readonly paths: AttentionReportData['paths'];
  readonly tiles: ReportTiles | null;
  readonly errors: readonly ReportError[];
  readonly timings: readonly ReportTiming[];
  readonly memory: readonly ReportMemory[];
  readonly sweep: AttentionReportData['sweep'];
  readonly notes: readonly string[];
  readonly seconds: number;
  /** Whether every comparison is within its allowed error. */
  readonly ok: boolean;
  /** Speed and memory against sequence length. */
  readonly figure: Figure;

  constructor(data: AttentionReportData) {
    super();
    this.device = data.device;
    this.problem = data.problem;
    this.dtype = data.dtype;
    this.seed = data.seed;
    this.randomInputs = data.randomInputs;
    this.algorithm = data.algorithm;
    this.paths = data.paths;
    this.tiles = data.tiles;
    this.errors = data.errors;
    this.timings = data.timings;
    this.memory = data.memory;
    this.sweep = data.sweep;
    this.notes = data.notes;
    this.seconds = data.seconds;
    this.ok = data.errors.length > 0 && data.errors.every((error) => error.ok);
    this.figure = sweepFigure(this);
  }

  protected text(): string {
    return reportText(this);
  }

  protected html(): string {
    return reportHtml(this);
  }
}

function sweepFigure(report: AttentionReport): Figure {
  const { timings, memory } = report.sweep;
  const rows = timings.map(({ seq, algorithm, pass, ms }) => {
    const bytes = memory.find((one) => one.seq === seq && one.algorithm === algorithm && one.pass === pass);
    return { seq, algorithm, pass, ms, deviceBytes: bytes?.measured ?? null };
  });
  return speedMemoryFigure(rows, {
    title: 'Speed and memory against sequence length',
    notes: [
      problemLine(report),
      `${report.device.name}, ${clockLine(timings)}${report.ok ? `. ${headline(report)}` : ''}`,
      ...report.notes,
    ],
    ...(report.ok ? {} : { warning: headline(report) }),
  });
}
