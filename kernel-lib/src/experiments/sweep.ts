import type { DeviceInfo } from '../device/device';
import { FlashError } from '../api/errors';
import type { Algorithm } from '../api/options';
import type { Problem } from '../api/problem';
import { checkAttention, type CheckedCall } from '../api/validate';
import { forwardFlops, type WorkSizes } from '../cost/flops';
import { peakBytes } from '../cost/peak-memory';
import { formatBytes } from '../plots/numbers';
import type { Tensor } from '../tensor/tensor';
import { type Effort, measure, memory, type Measurement, type RunInputs } from './measure';
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

/** Measures all algorithms at one length; what `last` of the measurements holds is the caller's. */
export async function measurePoint(problem: Problem, inputs: RunInputs, context: SweepContext): Promise<SweepPoint> {
  const { plan, algorithms, effort, signal, progress, seen } = context;
  const measurements: Measurement[] = [];
  const notes: string[] = [];
  const cold = seen.size === 0;
  try {
    for (const algorithm of algorithms) {
      const tooLarge =
        algorithm === 'naive' && algorithm !== algorithms[0] ? naiveTooLarge(problem, context.device) : null;
      if (tooLarge) {
        notes.push(tooLarge);
        continue;
      }
      const { tiles, ...options } = plan.options;
      const own = { ...options, ...(tiles && algorithm === algorithms[0] ? { tiles } : {}), algorithm };
      const work = pointSeconds(problem, context.device.kind, cold);
      try {
        const run = (onProgress: (fraction: number) => void): Promise<Measurement> =>
          measure(problem, inputs, own, effort, seen, { signal, onProgress });
        measurements.push(await progress.step(work, run));
      } catch (error) {
        const full = error instanceof FlashError && error.code === 'OUT_OF_MEMORY';
        if (!full || algorithm === algorithms[0]) throw error;
        notes.push(`${algorithm} at ${problem.Nq} not run: ${error.message}`);
      }
    }
    return { measurements, memory: measurements.flatMap(memory), notes };
  } catch (error) {
    for (const { last } of measurements) last.dispose();
    throw error;
  }
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
