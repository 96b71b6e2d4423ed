import type { Figure } from '../plots/figure';
import { FigureReport } from '../plots/figure-report';
import { formatError, formatNumber } from '../plots/numbers';
import { htmlTable, textTable, type Table } from '../plots/table';
import type { CheckRow } from './check-case';
import { checkFigure } from './check-figure';

/** What `check` found. Shown in a notebook as one line for each algorithm and output, every failed row, and a figure. */
export class CheckReport extends FigureReport {
  /** Whether every row is within its allowed error. */
  readonly ok: boolean;

  constructor(
    readonly rows: readonly CheckRow[],
    /** Name of the adapter that ran. */
    readonly adapter: string,
    /** Wall-clock time of the whole check. */
    readonly seconds: number,
  ) {
    super();
    this.ok = rows.length > 0 && rows.every((row) => row.ok);
  }

  /** Error over allowed of all rows. */
  get figure(): Figure {
    return checkFigure(this.rows, this.adapter);
  }

  protected text(): string {
    return this.tables().map(textTable).join('\n\n');
  }

  /** For a terminal: the figure's numbers would only be more of the same. */
  override toString(): string {
    return this.text();
  }

  protected html(): string {
    return this.tables().map(htmlTable).join('\n');
  }

  private tables(): Table[] {
    const failed = this.rows.filter((row) => !row.ok);
    return [this.summary(failed.length), ...(failed.length > 0 ? [failures(failed)] : [])];
  }

  private summary(failedCount: number): Table {
    const groups = new Map<string, CheckRow[]>();
    for (const row of this.rows) {
      const key = `${row.algorithm} ${row.output}`;
      groups.set(key, [...(groups.get(key) ?? []), row]);
    }
    const lines = [...groups.values()].map((group) => {
      const worst = group.reduce((a, b) => (b.error / b.allowed > a.error / a.allowed ? b : a));
      const passed = group.filter((row) => row.ok).length;
      return { group, worst, passed };
    });
    const cases = new Set(this.rows.map((row) => row.case)).size;
    const verdict =
      failedCount === 0 ? 'all within the allowed error' : `${failedCount} of ${this.rows.length} rows FAILED`;
    return {
      caption: `${cases} cases on ${this.adapter}: ${verdict} (${formatNumber(this.seconds)} s)`,
      header: ['algorithm', 'output', 'within', 'nearest to its limit: error', 'allowed', 'case'],
      numeric: [2, 3, 4],
      rows: lines.map(({ group, worst, passed }) => [
        worst.algorithm,
        worst.output,
        `${passed}/${group.length}`,
        formatError(worst.error),
        formatError(worst.allowed),
        worst.case,
      ]),
      failed: lines.flatMap(({ group, passed }, line) => (passed < group.length ? [line] : [])),
    };
  }
}

function failures(failed: readonly CheckRow[]): Table {
  return {
    caption: 'Failed',
    header: ['case', 'algorithm', 'output', 'error', 'allowed', 'at (bhnd)', 'came', 'expected'],
    numeric: [3, 4, 6, 7],
    rows: failed.map(({ case: name, algorithm, output, error, allowed, worst }) => [
      name,
      algorithm,
      output,
      formatError(error),
      formatError(allowed),
      worst ? worst.at.join(',') : '',
      worst ? String(worst.actual) : '',
      worst ? String(worst.expected) : '',
    ]),
  };
}
