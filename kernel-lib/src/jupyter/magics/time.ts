import type { Cell } from '../session/cell';
import type { Magic } from './magic';

/** A moment by the wall clock and by the CPU's. */
interface Moment {
  readonly wall: number;
  readonly cpu: NodeJS.CpuUsage;
}

const now = (): Moment => ({ wall: performance.now(), cpu: process.cpuUsage() });

function tell(cell: Cell, { wall, cpu }: Moment): void {
  const elapsed = performance.now() - wall;
  const { user, system } = process.cpuUsage(cpu);
  cell.stream(
    'stdout',
    `Wall time: ${duration(elapsed)} (CPU: user ${duration(user / 1e3)}, system ${duration(system / 1e3)})\n`,
  );
}

/** @param ms milliseconds */
export function duration(ms: number): string {
  if (ms < 1) return `${(1000 * ms).toFixed(0)} µs`;
  if (ms < 1000) return `${ms.toPrecision(3)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toPrecision(3)} s`;
  return `${Math.floor(ms / 60_000)} min ${((ms % 60_000) / 1000).toFixed(0)} s`;
}

/** Times one expression. */
export const timeLine: Magic = {
  kind: 'line',
  name: 'time',
  takes: 'expression',
  usage: '%time await flash.attention(q, k, v)',
  summary: 'Runs an expression, tells how long it took and gives its value.',

  async run({ cell, args: [work] }) {
    const start = now();
    try {
      return await (work as () => Promise<unknown>)();
    } finally {
      tell(cell, start);
    }
  },
};

const starts = new WeakMap<Cell, Moment>();

/** Times a cell. */
export const timeCell: Magic = {
  kind: 'cell',
  name: 'time',
  usage: '%%time',
  summary: 'Tells how long the cell took.',

  begin: ({ cell }) => void starts.set(cell, now()),
  run({ cell, body }) {
    tell(cell, starts.get(cell)!);
    return Promise.resolve(body);
  },
};
