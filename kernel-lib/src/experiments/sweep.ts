import type { DeviceInfo } from '../device/device';
import { FlashError } from '../api/errors';
import type { Algorithm } from '../api/options';
import type { Problem } from '../api/problem';
import { checkAttention, type CheckedCall } from '../api/validate';
import { forwardFlops, type WorkSizes } from '../cost/flops';
import { peakBytes } from '../cost/peak-memory';
import { formatBytes } from '../plots/numbers';
import type { Tensor } from '../tensor/tensor';
import { type Effort, memory, type Measurement, type RunInputs, Runs } from './measure';
import type { Progress } from './progress';
import type { ReportMemory } from './report-data';
import type { ReportPlan, Sizes } from './report-options';
import { makeInputs } from './run-inputs';

const MAX_POINTS = 5;

/**
 * Lengths of a sweep that ends at `seq`: powers of two below it, five points at most. They begin at 64 or later, for a
 * `seq` up to 64 at 16.
 */
export function sweepLengths(seq: number): number[] {
  const lengths: number[] = [];
  for (let length = seq > 64 ? 64 : 16; length < seq; length *= 2) lengths.push(length);
  return [...lengths.slice(1 - MAX_POINTS), seq];
}

/** The sizes of a point of the sweep: Nk shrinks in step with Nq. */
export function sizesAt(sizes: Sizes, seq: number): Sizes {
  return { ...sizes, seq, seqK: Math.max(1, Math.round((sizes.seqK * seq) / sizes.seq)) };
}

/** Main memory that naive attention may take on a software adapter, where "device memory" is that of the whole machine. */
const SOFTWARE_BYTES = 2 ** 30;

/** What all points of a sweep share. */
export interface SweepContext {
  readonly plan: ReportPlan;
  readonly device: DeviceInfo;
  /** The algorithm of the report, then the one it is compared with. */
  readonly algorithms: readonly Algorithm[];
  readonly effort: Effort;
  readonly signal: AbortSignal | undefined;
  readonly progress: Progress;
  /** Kernel paths that have been compiled. */
  readonly seen: Set<string>;
}

/** One length, measured. An algorithm that does not fit is missing, and `notes` says why. */
export interface SweepPoint {
  readonly measurements: readonly Measurement[];
  readonly memory: readonly ReportMemory[];
  readonly notes: readonly string[];
}

/**
 * Measures all algorithms at one length, by turns, so that what else the machine does meets them alike; what `last` of the measurements
 * holds is the caller's.
 */
export async function measurePoint(problem: Problem, inputs: RunInputs, context: SweepContext): Promise<SweepPoint> {
  const { algorithms, device, progress, seen } = context;
  const notes: string[] = [];
  const fitting = algorithms.filter((algorithm, n) => {
    const tooLarge = algorithm === 'naive' && n > 0 ? naiveTooLarge(problem, device) : null;
    if (tooLarge) notes.push(tooLarge);
    return !tooLarge;
  });
  const all = fitting.map((algorithm) => runsOf(algorithm, problem, inputs, context));
  const work = fitting.length * pointSeconds(problem, device.kind, seen.size === 0);
  try {
    const measured = await progress.step(work, (tell) => runByTurns(all, context, tell, notes));
    const measurements = measured.map((runs) => runs.measurement());
    return { measurements, memory: measurements.flatMap(memory), notes };
  } catch (error) {
    for (const runs of all) runs.dispose();
    throw error;
  }
}

function runsOf(
  algorithm: Algorithm,
  problem: Problem,
  inputs: RunInputs,
  { plan, algorithms, effort, seen }: SweepContext,
): Runs {
  const { tiles, ...options } = plan.options;
  const own = { ...options, ...(tiles && algorithm === algorithms[0] ? { tiles } : {}), algorithm };
  return new Runs(problem, inputs, own, effort, seen);
}

/** Those of `all` that had the memory they need: all but the first may go without. */
async function runByTurns(
  all: readonly Runs[],
  { algorithms, signal }: SweepContext,
  tell: (fraction: number) => void,
  notes: string[],
): Promise<Runs[]> {
  const stopped = new Set<Runs>();
  const onProgress = (): void =>
    tell(all.reduce((sum, runs) => sum + (stopped.has(runs) ? 1 : runs.done), 0) / all.length);
  const going = (): Runs[] => all.filter((runs) => runs.done < 1 && !stopped.has(runs));
  while (going().length > 0) {
    for (const runs of going()) {
      try {
        await runs.next({ signal, onProgress });
        // What one holds the other cannot have.
        if (runs.done < 1) runs.dispose();
      } catch (error) {
        const full = error instanceof FlashError && error.code === 'OUT_OF_MEMORY';
        if (!full || runs.algorithm === algorithms[0]) throw error;
        stopped.add(runs);
        notes.push(`${runs.algorithm} at ${runs.problem.Nq} not run: ${error.message}`);
      }
    }
  }
  return all.filter((runs) => !stopped.has(runs));
}

/** The call that a report measures, checked. */
export function checkInputs({ q, k, v, bias, mask }: RunInputs, plan: ReportPlan): CheckedCall {
  return checkAttention(q, k, v, { ...plan.options, bias, mask });
}

/**
 * A length on random inputs; everything it made is freed.
 * @param inspect is given the point while its results still live
 */
export async function measureSmaller(
  sizes: Sizes,
  context: SweepContext,
  inspect?: (point: SweepPoint, problem: Problem, inputs: RunInputs) => Promise<void>,
): Promise<SweepPoint> {
  const made: Tensor[] = [];
  try {
    const inputs = await makeInputs(context.plan, sizes, (tensor) => made.push(tensor));
    const { problem } = checkInputs(inputs, context.plan);
    const point = await measurePoint(problem, inputs, context);
    try {
      await inspect?.(point, problem, inputs);
    } finally {
      for (const { last } of point.measurements) last.dispose();
    }
    return point;
  } finally {
    for (const tensor of made) tensor.dispose();
  }
}

/** Seconds that compiling one algorithm's kernels takes, very roughly. */
const COMPILE_SECONDS = { software: 5, hardware: 0.5 };

/**
 * Seconds that one algorithm takes at one length, very roughly: only progress rests on it. The first length of a sweep
 * (`cold`) has the kernels to compile.
 */
export function pointSeconds(problem: WorkSizes, kind: DeviceInfo['kind'], cold: boolean): number {
  const rate = kind === 'software' ? 3e9 : 1e12;
  return 0.1 + (2 * 3.5 * forwardFlops(problem)) / rate + (cold ? COMPILE_SECONDS[kind] : 0);
}

function naiveTooLarge(problem: Problem, device: DeviceInfo): string | null {
  const bytes = peakBytes(problem, 'naive', 'backward');
  if (device.kind === 'hardware' || bytes <= SOFTWARE_BYTES) return null;
  const limit = formatBytes(SOFTWARE_BYTES);
  return `naive at ${problem.Nq} not run: it takes ${formatBytes(bytes)}, more than the ${limit} set aside on a software adapter`;
}
