import type { AttentionInputs, AttentionReportOptions } from '../../experiments/attention-report';
import { notebookFlash } from '../library';
import { toMimeBundle } from '../session/display';
import { withBar } from '../session/progress';
import { showReport } from './flash-reports';
import type { Magic } from './magic';

/** Runs attention forward and backward, on the tensors of the body or on random ones, and shows the report. */
export const flashAttention: Magic = {
  kind: 'cell',
  name: 'flash.attention',
  usage: '%%flash.attention({ seq: 1024, causal: true })',
  summary:
    'Runs FlashAttention forward and backward, checks it and shows errors, times and memory. ' +
    'A body whose value is { q, k, v } gives the inputs. The report is left in flash.last.',

  async run({ cell, args, body }) {
    const flash = notebookFlash();
    const inputs = asInputs(body);
    if (!inputs && body !== undefined && body !== null) {
      cell.display(await toMimeBundle(body));
      cell.stream('stdout', 'This value is no { q, k, v }, so the inputs are random.\n');
    }
    const options = (args[0] ?? {}) as AttentionReportOptions;
    const report = await withBar(cell, 'flash.attention', (run) => flash.attentionReport(options, inputs, run));
    flash.last = report;
    showReport(cell, report);
  },
};

/**
 * The tensors that a body ends with. Whether they fit each other is the library's to say.
 * @throws TypeError where some of the three are there
 */
function asInputs(body: unknown): AttentionInputs | undefined {
  if (typeof body !== 'object' || body === null) return undefined;
  const given = ['q', 'k', 'v'].filter((name) => name in body);
  if (given.length === 0) return undefined;
  if (given.length === 3) return body as AttentionInputs;
  throw new TypeError(
    `%%flash.attention: the value of the cell: expected { q, k, v } or nothing of it, got { ${given.join(', ')} }.`,
  );
}
