import { DISPLAY, type MimeBundle } from '../plots/figure';
import { formatError, formatNumber } from '../plots/numbers';
import { htmlTable, textTable, type Table } from '../plots/table';
import type { CheckRow } from './check-case';

/** What `check` found. Shown in a notebook as one line for each algorithm and output, and every failed row. */
export class CheckReport {
  /** Whether every row is within its allowed error. */
  readonly ok: boolean;

  constructor(
    readonly rows: readonly CheckRow[],
    /** Name of the adapter that ran. */
    readonly adapter: string,
    /** Wall-clock time of the whole check. */
    readonly seconds: number,
  ) {
    this.ok = rows.length > 0 && rows.every((row) => row.ok);
  }

  /** The report for a terminal. */
  toString(): string {
    return this.tables().map(textTable).join('\n\n');
  }

  [DISPLAY](): MimeBundle {
    return { 'text/html': this.tables().map(htmlTable).join('\n'), 'text/plain': this.toString() };
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
