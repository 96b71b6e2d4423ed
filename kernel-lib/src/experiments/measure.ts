import { attention, type AttentionGradients, type AttentionResult } from '../api/attention';
import type { AttentionInfo } from '../api/on-device';
import type { Algorithm, AttentionOptions } from '../api/options';
import type { Problem } from '../api/problem';
import { backwardFlops, forwardFlops } from '../cost/flops';
import { peakBytes } from '../cost/peak-memory';
import type { Tensor } from '../tensor/tensor';
import type { Clock, Pass, ReportMemory, ReportTiming } from './report-data';

export interface RunControl {
  readonly signal: AbortSignal | undefined;
  readonly onProgress: (fraction: number) => void;
}

export interface RunInputs {
  readonly q: Tensor;
  readonly k: Tensor;
  readonly v: Tensor;
  readonly dout: Tensor;
  readonly bias?: Tensor;
  readonly mask?: Tensor;
}

/** What a forward and a backward call left; `dispose` frees all of it. */
export interface PairResult {
  readonly forward: AttentionResult;
  readonly grads: AttentionGradients;
  dispose(): void;
}

interface Sample {
  readonly gpuMs: number | null;
  readonly wallMs: number;
}

type Samples = Record<Pass, Sample[]>;

/** Repeated forward and backward runs of one algorithm at one length. */
export interface Measurement {
  readonly algorithm: Algorithm;
  readonly problem: Problem;
  readonly samples: Samples;
  /** The results of the last run. */
  readonly last: PairResult;
}

/** How often a problem is run: at most so many times, or until so many milliseconds have gone into it. */
export interface Effort {
  readonly runs: number;
  readonly ms: number;
}

/** A median of fewer runs is no median; it is worth more time, if not any. */
const FEW_RUNS = 3;
const FEW_FACTOR = 2.5;

/**
 * Forward and backward of one algorithm at one length, again and again until the effort is made; the slowest problems run once. Not
 * counted are a run on a path that `seen` does not hold, which compiles its kernels, and the next one, or the first of a length,
 * unless it is slow: it touches new memory, and how long to rest is not known yet (device/rest.ts).
 */
export class Runs {
  private readonly samples: Samples = { forward: [], backward: [] };
  private last: PairResult | undefined;
  private spent = 0;
  private settled = false;
  /** The share of the effort that is made, 0 to 1, and 1 only when it is; a run that goes on counts half. */
  done = 0;

  constructor(
    readonly problem: Problem,
    private readonly inputs: RunInputs,
    private readonly options: Omit<AttentionOptions, 'bias' | 'mask'> & { algorithm: Algorithm },
    private readonly effort: Effort,
    private readonly seen: Set<string>,
  ) {}

  get algorithm(): Algorithm {
    return this.options.algorithm;
  }

  /** Runs once more; an error leaves what was measured before, but no results. */
  async next({ signal, onProgress }: RunControl): Promise<void> {
    const { samples, effort, seen } = this;
    this.dispose();
    const already = this.done;
    const { result, forward, backward } = await runPair(this.inputs, this.options, {
      signal,
      onProgress: (fraction) => {
        this.done = already + (1 - already) * fraction * 0.5;
        onProgress(this.done);
      },
    });
    this.last = result;
    const paths = [result.forward.info, result.grads.info].map((info) => pathKey(this.algorithm, info));
    const warm = paths.every((path) => seen.has(path));
    for (const path of paths) seen.add(path);
    const ms = forward.wallMs + backward.wallMs;
    const settles = !this.settled && ms < FEW_FACTOR * effort.ms;
    this.settled ||= warm;
    if (warm && !settles) {
      samples.forward.push(forward);
      samples.backward.push(backward);
      this.spent += ms;
    }
    const runs = samples.forward.length;
    const limit = runs < FEW_RUNS ? FEW_FACTOR * effort.ms : effort.ms;
    const enough = runs >= effort.runs || this.spent >= limit;
    this.done = enough ? 1 : Math.min(0.9, Math.max(runs / effort.runs, this.spent / effort.ms));
  }

  /** What was measured, once `done` is 1; `last` is to be disposed of by the caller, or with all of this. */
  measurement(): Measurement {
    return { algorithm: this.algorithm, problem: this.problem, samples: this.samples, last: this.last! };
  }

  dispose(): void {
    this.last?.dispose();
    this.last = undefined;
  }
}

/** One forward and one backward call, each timed. */
async function runPair(
  { q, k, v, dout, bias, mask }: RunInputs,
  options: Omit<AttentionOptions, 'bias' | 'mask'>,
  control: RunControl,
): Promise<{ result: PairResult; forward: Sample; backward: Sample }> {
  const { signal, onProgress } = control;
  const start = performance.now();
  // Backward is about two and a half times the work of forward.
  const forward = await attention(q, k, v, { ...options, bias, mask, signal, onProgress: (f) => onProgress(f * 0.3) });
  const middle = performance.now();
  try {
    const grads = await forward.backward(dout, { signal, onProgress: (f) => onProgress(0.3 + f * 0.7) });
    const end = performance.now();
    const dispose = (): void => {
      for (const part of [forward, grads.dq, grads.dk, grads.dv, grads.dbias]) part?.dispose();
    };
    return {
      result: { forward, grads, dispose },
      forward: { gpuMs: forward.info.gpuMs, wallMs: middle - start },
      backward: { gpuMs: grads.info.gpuMs, wallMs: end - middle },
    };
  } catch (error) {
    forward.dispose();
    throw error;
  }
}

function pathKey(algorithm: string, { path, tiles }: AttentionInfo): string {
  return `${algorithm} ${path} ${tiles ? `${tiles.br}x${tiles.bc}` : ''}`;
}

/** One clock for a whole report, so that its numbers compare: timestamps only if every run has them. */
export function commonClock(measurements: readonly Measurement[]): Clock {
  const all = measurements.flatMap(({ samples }) => [...samples.forward, ...samples.backward]);
  return all.every((sample) => sample.gpuMs !== null) ? 'gpu timestamps' : 'wall clock';
}

/** Milliseconds of each run of a pass. */
const timesOf = ({ samples }: Pick<Measurement, 'samples'>, pass: Pass, clock: Clock): number[] =>
  samples[pass].map((sample) => (clock === 'wall clock' ? sample.wallMs : (sample.gpuMs ?? NaN)));

type Rates = Pick<ReportTiming, 'seq' | 'ms' | 'spread' | 'runs' | 'gflops'>;

function ratesOf({ Nq }: Problem, times: readonly number[], flops: number): Rates {
  const ms = median(times);
  return {
    seq: Nq,
    ms,
    spread: ms > 0 ? (Math.max(...times) - Math.min(...times)) / ms : 0,
    runs: times.length,
    gflops: ms > 0 ? flops / ms / 1e6 : NaN,
  };
}

/** Median times and rates of a measurement, forward first. */
export function timings(measurement: Omit<Measurement, 'last'>, clock: Clock): ReportTiming[] {
  const { algorithm, problem } = measurement;
  return (['forward', 'backward'] as const).map((pass) => {
    const flops = pass === 'forward' ? forwardFlops(problem) : backwardFlops(problem);
    return { algorithm, pass, clock, ...ratesOf(problem, timesOf(measurement, pass, clock), flops) };
  });
}

/** The same for a forward and the backward that follows it, together. */
export function bothTiming(measurement: Omit<Measurement, 'last'>, clock: Clock): Rates {
  const { problem } = measurement;
  const backward = timesOf(measurement, 'backward', clock);
  const times = timesOf(measurement, 'forward', clock).map((ms, run) => ms + backward[run]);
  return ratesOf(problem, times, forwardFlops(problem) + backwardFlops(problem));
}

/** Measured bytes beside the formula, forward first. */
export function memory({ algorithm, problem, last }: Measurement): ReportMemory[] {
  const infos = { forward: last.forward.info, backward: last.grads.info };
  return (['forward', 'backward'] as const).map((pass) => ({
    algorithm,
    pass,
    seq: problem.Nq,
    measured: infos[pass].deviceBytes,
    formula: peakBytes(problem, algorithm, pass),
  }));
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
