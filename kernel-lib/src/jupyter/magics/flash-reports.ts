import type { MimeBundle } from '../../plots/figure';
import { notebookFlash } from '../library';
import type { Cell } from '../session/cell';
import type { Magic } from './magic';
import { ProgressBar } from './progress';

/** A report with several things to show. */
interface Report {
  parts(): MimeBundle[];
}

/** Shows a report, each part as an output of its own: a front end shows only the richest type of one, the figure. */
export function showReport(cell: Cell, report: Report): void {
  for (const part of report.parts()) cell.display(part);
}

type Flash = ReturnType<typeof notebookFlash>;

/** A magic that makes a report by a function of the library. */
const reporter = (
  name: 'check' | 'memory' | 'trace' | 'ioModel',
  usage: string,
  summary: string,
  make: (flash: Flash, options: never, cell: Cell) => Report | Promise<Report>,
): Magic => ({
  kind: 'line',
  name: `flash.${name}`,
  usage,
  summary,

  async run({ cell, args }) {
    const flash = notebookFlash();
    showReport(cell, await make(flash, (args[0] ?? {}) as never, cell));
  },
});

export const flashCheck = reporter(
  'check',
  "%flash.check({ filter: 'causal' })",
  'Compares the kernels with float64 over a table of shapes.',
  async (flash, options: Parameters<Flash['check']>[0], cell) => {
    const bar = new ProgressBar(cell, 'flash.check');
    try {
      const onProgress = (fraction: number): void => bar.update(fraction);
      const report = await flash.check({ signal: cell.controller.signal, onProgress, ...options });
      bar.finish();
      return report;
    } catch (error) {
      bar.stop();
      throw error;
    }
  },
);

export const flashMemory = reporter(
  'memory',
  '%flash.memory({ heads: 32, seq: 4096, dim: 128 })',
  'Shows the memory of standard attention and of FlashAttention, by formula and as allocated.',
  (flash, options: Parameters<Flash['memory']>[0]) => flash.memory(options),
);

export const flashTrace = reporter(
  'trace',
  '%flash.trace({ seq: 8, dim: 4 })',
  'Walks over the tiles of FlashAttention-1 and 2 on a small input.',
  (flash, options: Parameters<Flash['trace']>[0]) => flash.trace(options),
);

export const flashIoModel = reporter(
  'ioModel',
  '%flash.ioModel({ seq: 1024, dim: 64 })',
  'Counts what FlashAttention-1 and 2 read from memory and write to it.',
  (flash, options: Parameters<Flash['ioModel']>[0]) => flash.ioModel(options),
);
