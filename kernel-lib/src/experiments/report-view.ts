import type { Problem } from '../api/problem';
import { escapeXml } from '../plots/escape';
import { formatBytes, formatError, formatMs, formatNumber } from '../plots/numbers';
import { FAILURE, htmlTable, textTable, type Table } from '../plots/table';
import { bandText } from './band-text';
import type { AttentionReportData, ReportError } from './report-data';

type ViewData = AttentionReportData & { readonly ok: boolean };

/** The verdict in a line: that all checks passed, or which failed and by how much. */
export function headline({ errors }: Pick<AttentionReportData, 'errors'>): string {
  const failed = errors.filter((error) => !error.ok);
  if (errors.length === 0) return 'FAILED: nothing was checked';
  if (failed.length === 0) return `All ${errors.length} checks passed`;
  const excess = ({ error, allowed }: ReportError): number => error / allowed;
  const worst = failed.reduce((a, b) => (excess(b) > excess(a) ? b : a));
  const off = `${worst.output} is off by ${formatError(worst.error)} against ${worst.against}`;
  return `FAILED: ${failed.length} of ${errors.length} checks; ${off} (allowed ${formatError(worst.allowed)})`;
}

/** The problem in a line, in the letters of the documentation. */
export function problemLine({ problem, dtype, algorithm, randomInputs, seed }: AttentionReportData): string {
  const { B, H, Hk, Nq, Nk, D, Dv, scale, layout } = problem;
  const parts = [
    `${algorithm}: B ${B}, H ${H}${Hk === H ? '' : `, Hk ${Hk}`}`,
    Nk === Nq ? `N ${Nq}` : `Nq ${Nq}, Nk ${Nk}`,
    `D ${D}${Dv === D ? '' : `, Dv ${Dv}`}`,
    dtype,
    ...features(problem),
    ...(Math.abs(scale * Math.sqrt(D) - 1) < 1e-12 ? [] : [`scale ${formatNumber(scale, 6)}`]),
    ...(layout === 'bhnd' ? [] : [`layout ${layout}`]),
    randomInputs ? `random inputs, seed ${seed}` : 'given inputs',
  ];
  return parts.join(', ');
}

/** What changes the scores, in the order of its doing. */
function features({ band, softcap, alibiSlopes, bias, mask, dropout }: Problem): string[] {
  return [
    ...(softcap > 0 ? [`softcap ${formatNumber(softcap)}`] : []),
    ...(alibiSlopes ? ['ALiBi'] : []),
    ...(bias ? [`bias (${bias.shape.join(',')}) ${bias.dtype}`] : []),
    ...(mask ? [`mask (${mask.shape.join(',')})`] : []),
    bandText(band) ?? 'not causal',
    ...(dropout ? [`dropout ${formatNumber(dropout.p)}`] : []),
  ];
}

/** How the times were taken. */
export function clockLine(timings: AttentionReportData['timings']): string {
  return timings[0]?.clock === 'gpu timestamps' ? 'GPU timestamps' : 'wall clock, with dispatch and waiting';
}

/** Verdict, facts and tables as plain text. */
export function reportText(report: ViewData): string {
  const facts = factsOf(report).map(([name, value]) => `${name}: ${value}`);
  return [headline(report), facts.join('\n'), ...tables(report).map(textTable)].join('\n\n');
}

/** Verdict, facts and tables as HTML: escaped, no scripts. */
export function reportHtml(report: ViewData): string {
  const verdict = escapeXml(headline(report));
  const facts = factsOf(report).map(([name, value]) => `<b>${escapeXml(name)}</b>: ${escapeXml(value)}`);
  return [
    report.ok
      ? `<p><b>${verdict}</b></p>`
      : `<p style="color:${FAILURE};font-weight:bold;font-size:120%">${verdict}</p>`,
    `<p>${facts.join('<br/>')}</p>`,
    ...tables(report).map(htmlTable),
  ].join('\n');
}

function factsOf(report: AttentionReportData): [string, string][] {
  const { device, tiles } = report;
  const facts: [string, string][] = [
    ['problem', problemLine(report)],
    ['device', `${device.name} (${device.kind}, driver ${device.driver}; ${device.reason})`],
    ['path', `${report.paths.forward}; ${report.paths.backward}`],
  ];
  if (tiles) {
    const { br, bc, visited, total } = tiles;
    facts.push(['tiles', `${br} queries x ${bc} keys; ${visited} of ${total} visited`]);
  }
  for (const note of report.notes) facts.push(['note', note]);
  facts.push(['GFLOP/s', 'by the standard count: two products forward, five backward, visible pairs only']);
  facts.push(['report', `took ${formatNumber(report.seconds)} s`]);
  return facts;
}

function tables(report: AttentionReportData): Table[] {
  return [errorTable(report), timeTable(report)];
}

function errorTable({ errors }: AttentionReportData): Table {
  const sampled = errors.some((error) => error.rowsChecked < error.rowsTotal);
  return {
    caption: `Largest absolute errors${sampled ? ' (a sample of rows where the whole would take long)' : ''}`,
    header: ['output', 'against', 'error', 'allowed', 'within', 'worst at', 'query rows'],
    numeric: [2, 3],
    rows: errors.map((row) => [
      row.output,
      row.against,
      formatError(row.error),
      formatError(row.allowed),
      row.ok ? 'yes' : 'NO',
      row.error > 0 ? row.worstIndex.join(',') : '',
      row.rowsChecked < row.rowsTotal ? `${row.rowsChecked} of ${row.rowsTotal}` : `all ${row.rowsTotal}`,
    ]),
    failed: errors.flatMap((row, index) => (row.ok ? [] : [index])),
  };
}

function timeTable({ timings, memory }: AttentionReportData): Table {
  const caption = `Time (median, ${clockLine(timings)}) and device memory`;
  return {
    caption,
    header: ['algorithm', 'pass', 'time', 'runs', 'spread', 'GFLOP/s', 'memory', 'formula'],
    numeric: [2, 3, 4, 5, 6, 7],
    rows: timings.map((row) => {
      const bytes = memory.find((one) => one.algorithm === row.algorithm && one.pass === row.pass);
      return [
        row.algorithm,
        row.pass,
        formatMs(row.ms),
        String(row.runs),
        row.runs > 1 ? `${Math.round(100 * row.spread)} %` : '',
        formatNumber(row.gflops),
        bytes ? formatBytes(bytes.measured) : '',
        bytes ? formatBytes(bytes.formula) : '',
      ];
    }),
  };
}
