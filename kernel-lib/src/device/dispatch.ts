import type { Params } from '../wgsl/params';
import { abortable } from './abort';
import { arrived } from './arrived';
import type { FlashDevice } from './device';
import { dozing } from './doze';
import { BROUGHT_BYTES, GpuTimer } from './gpu-timer';
import { NOBODY, observer } from './observer';
import { compileAll, compiled, type Kernel, type Pipeline } from './pipeline-cache';
import { bindGroupFor, forgetPrepared } from './prepared';
import { expectedMs, learnCost, restTime } from './rest';
import { Uniforms } from './uniforms';
import { type Work, workOf } from './work';

/** One kernel over some number of independent workgroups. */
export interface Step {
  readonly kernel: Kernel;
  readonly buffers: readonly GPUBufferBinding[];
  readonly params: Params;
  readonly workgroups: number;
  /** Floating point operations of the whole step, for progress and for cutting it into slices. */
  readonly flops: number;
}

export interface RunOptions {
  signal?: AbortSignal;
  onProgress?(fraction: number): void;
  /** Buffers that somebody will want to read soon. */
  results?: readonly GPUBuffer[];
  /** Buffers to fill with zeros before the first kernel. */
  clear?: readonly GPUBuffer[];
}

/** What one kernel of a run cost. */
export interface KernelStats {
  /** As in Kernel. */
  readonly label: string;
  readonly dispatches: number;
  readonly gpuMs: number | null;
}

/** What running cost. */
export interface RunStats {
  readonly dispatches: number;
  /** Milliseconds on the GPU's own clock, null where the device has no timestamps. */
  readonly gpuMs: number | null;
  /** The same for each kernel, in their order. */
  readonly kernels: readonly KernelStats[];
  /** Milliseconds between the first submit and the end of the last. */
  readonly wallMs: number;
}

/** A submit cannot be stopped, so long work is cut into submits of about this many milliseconds. */
const SUBMIT_MS = 100;

/** Operations per millisecond that a device does at the least, until it has shown what it does. */
const FIRST_GUESS = { software: 5e5, hardware: 1e8 };

/** Operations per millisecond of each kernel by its label, and under ANY those of the last submit. */
const rates = new WeakMap<FlashDevice, Map<string, number>>();
const ANY = '';

/** A GPU's kernels differ too much, by matrix units, to tell of each other; a CPU's do not. */
function rateOf(device: FlashDevice, { label }: Kernel): number {
  const known = rates.get(device);
  const { kind } = device.facts;
  return known?.get(label) ?? (kind === 'software' ? known?.get(ANY) : undefined) ?? FIRST_GUESS[kind];
}

/** Notes how much faster than expected a submit was. */
function learnRates(device: FlashDevice, slices: readonly Slice[], faster: number, rate: number): void {
  const known = rates.get(device) ?? new Map<string, number>();
  rates.set(device, known);
  const kernels = new Map(slices.map(({ step: { kernel } }) => [kernel.label, kernel]));
  for (const [label, kernel] of kernels) known.set(label, rateOf(device, kernel) * faster);
  known.set(ANY, rate);
}

/** Devices that still run what was aborted: how long a submit takes there tells nothing. */
const late = new WeakSet<FlashDevice>();

interface Slice {
  readonly step: Step;
  readonly first: number;
  readonly count: number;
}

/**
 * Runs the steps in order and resolves when the GPU has finished. Between two submits the progress is told and the event loop
 * turns. Once aborted, nothing more is submitted and nobody waits for what was: it may take long, since Mesa compiles a kernel when
 * it first runs. Buffers that are destroyed meanwhile stay until the GPU has done with them.
 * @throws the signal's reason if it is aborted, FlashError DEVICE_LOST or OUT_OF_MEMORY
 */
export async function runSteps(device: FlashDevice, all: readonly Step[], options: RunOptions): Promise<RunStats> {
  options.signal?.throwIfAborted();
  const work = workOf(device, all);
  const watch = work.steps.length > 0 ? observer().began(device, work.labels) : NOBODY;
  const onProgress = (fraction: number): void => {
    watch.progress(fraction);
    options.onProgress?.(fraction);
  };
  try {
    const stats = await run(device, work, { ...options, onProgress });
    // The caller, told that all is done, may have ended the device: then nothing of it is left to give.
    if (options.onProgress) await device.checked('the end of a call', () => undefined);
    watch.ended(stats);
    return stats;
  } catch (error) {
    watch.failed(error, options.signal?.aborted ?? false);
    throw error;
  }
}

async function run(
  device: FlashDevice,
  { steps, kernels, labels, flops: allFlops, written }: Work,
  { signal, onProgress, results = [], clear = [] }: RunOptions,
): Promise<RunStats> {
  // What is written is no longer what came back before.
  for (const buffer of written) arrived.delete(buffer);
  const pipelines = compiled(device, kernels) ?? (await abortable(compileAll(device, kernels, signal), signal));
  const atOnce = steps.reduce((ms, { kernel, flops }) => ms + flops / rateOf(device, kernel), 0) <= SUBMIT_MS;
  const timer = new GpuTimer(device, atOnce && steps.length <= 16 ? 'short' : 'long');
  const small = results.reduce((sum, { size }) => sum + size, 0) <= BROUGHT_BYTES ? results : [];
  if (steps.length === 0 && clear.length > 0) await device.checked('clear', () => clearAlone(device, clear));
  const dispatches = new Map<string, number>();
  let ok = false;
  let done = 0;
  let gpuMs: Map<string, number> | null = null;
  try {
    const begin = performance.now();
    const rest = [...steps];
    let next = 0;
    while (rest.length > 0) {
      signal?.throwIfAborted();
      let budget = SUBMIT_MS;
      let flops = 0;
      const slices: Slice[] = [];
      while (rest.length > 0 && budget > 0) {
        const step = rest[0];
        const each = step.flops / step.workgroups;
        const rate = rateOf(device, step.kernel);
        const most = Math.min(device.facts.maxWorkgroups, Math.max(1, Math.floor((budget * rate) / each)));
        const count = Math.min(step.workgroups - next, most);
        slices.push({ step, first: next, count });
        flops += count * each;
        budget -= (count * each) / rate;
        next += count;
        if (next === step.workgroups) {
          rest.shift();
          next = 0;
        }
      }
      const fair = !late.has(device);
      const start = performance.now();
      gpuMs = await submit(device, slices, ({ kernel }) => pipelines[kernels.indexOf(kernel)], {
        ...{ timer, signal },
        zeroed: dispatches.size === 0 ? clear : [],
        last: rest.length === 0 ? small : null,
      });
      const elapsed = performance.now() - start;
      // A submit of a few operations measures its own overhead, not the rate.
      const expected = SUBMIT_MS - budget;
      if (fair && flops > 0 && (elapsed > SUBMIT_MS / 5 || expected > SUBMIT_MS / 2)) {
        learnRates(device, slices, expected / Math.max(elapsed, 0.1), flops / Math.max(elapsed, 0.1));
      }
      done += flops;
      for (const { step } of slices) dispatches.set(step.kernel.label, (dispatches.get(step.kernel.label) ?? 0) + 1);
      onProgress?.(allFlops > 0 ? Math.min(1, done / allFlops) : 1);
    }
    const wallMs = performance.now() - begin;
    for (const [label, ms] of gpuMs ?? [])
      learnCost(
        steps.filter(({ kernel }) => kernel.label === label),
        ms,
      );
    signal?.throwIfAborted();
    ok = true;
    return {
      dispatches: [...dispatches.values()].reduce((sum, count) => sum + count, 0),
      gpuMs: gpuMs && [...gpuMs.values()].reduce((sum, ms) => sum + ms, 0),
      kernels: labels.map((label) => ({
        label,
        dispatches: dispatches.get(label) ?? 0,
        gpuMs: gpuMs?.get(label) ?? null,
      })),
      wallMs,
    };
  } finally {
    timer.dispose(ok);
  }
}

/** Where there is no step, there is no submit to clear buffers along with. */
const clearAlone = ({ gpu }: FlashDevice, buffers: readonly GPUBuffer[]): undefined => {
  const encoder = gpu.createCommandEncoder();
  for (const buffer of buffers) encoder.clearBuffer(buffer);
  gpu.queue.submit([encoder.finish()]);
};

const shareOf = ({ step, count }: Slice): { kernel: Kernel; flops: number } => ({
  kernel: step.kernel,
  flops: (count * step.flops) / step.workgroups,
});

interface SubmitOptions {
  readonly timer: GpuTimer;
  /** Ends the waiting. */
  readonly signal: AbortSignal | undefined;
  /** Buffers to fill with zeros before. */
  readonly zeroed: readonly GPUBuffer[];
  /** In the run's last submit, the buffers to bring back. */
  readonly last: readonly GPUBuffer[] | null;
}

/** Runs some slices; of the last ones, the times of all kernels of the run come back. */
async function submit(
  device: FlashDevice,
  slices: readonly Slice[],
  pipelineOf: (step: Step) => Pipeline,
  { timer, signal, zeroed, last }: SubmitOptions,
): Promise<Map<string, number> | null> {
  const { gpu, facts } = device;
  const uniforms = new Uniforms(device);
  const finished = (): Promise<Map<string, number> | null> =>
    last ? timer.totals() : gpu.queue.onSubmittedWorkDone().then(() => null);
  // Who waits for the GPU asks for it, so waiting begins only after the rest.
  const expected = facts.kind === 'software' ? expectedMs(slices.map(shareOf)) : 0;
  const restMs = restTime(expected);
  const { value: times, ready } = device.recorded(slices[0].step.kernel.label, () => {
    const encoder = gpu.createCommandEncoder();
    for (const buffer of zeroed) encoder.clearBuffer(buffer);
    let pass: GPUComputePassEncoder | undefined;
    let label: string | undefined;
    for (const { step, first, count } of slices) {
      // A pass for each kernel in turn, so that each has its own time.
      if (!pass || step.kernel.label !== label) {
        pass?.end();
        label = step.kernel.label;
        pass = encoder.beginComputePass(timer.nextPass(label));
      }
      const pipeline = pipelineOf(step);
      pass.setPipeline(pipeline.pipeline);
      pass.setBindGroup(0, bindGroupFor(device, step, first, pipeline, uniforms));
      pass.dispatchWorkgroups(count);
    }
    pass?.end();
    if (last) timer.finish(encoder, last);
    gpu.queue.submit([encoder.finish()]);
    return restMs > 0 ? null : finished();
  });
  times?.catch(() => undefined);
  const wait = async (): Promise<Map<string, number> | null> => {
    await ready;
    if (restMs > 0) await new Promise((resolve) => setTimeout(resolve, restMs));
    return dozing(device, device.guard(times ?? finished()), expected, signal);
  };
  const waiting = wait();
  try {
    const result = await abortable(waiting, signal);
    uniforms.giveBack();
    return result;
  } catch (error) {
    if (signal?.aborted) {
      late.add(device);
      void waiting.catch(() => undefined).then(() => late.delete(device));
    }
    uniforms.destroy();
    for (const { step } of slices) forgetPrepared(step);
    throw error;
  }
}
