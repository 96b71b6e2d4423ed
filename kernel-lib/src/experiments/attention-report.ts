import { checkRunOptions } from '../api/checks';
import { defaultDevice } from '../device/default-device';
import type { Tensor } from '../tensor/tensor';
import { checkOutputs } from './check-outputs';
import { checkSeconds, planCheck } from './check-plan';
import { commonClock, timings, type Measurement } from './measure';
import { Progress } from './progress';
import { AttentionReport } from './report';
import { planReport, type AttentionInputs, type AttentionReportOptions, type ReportPlan } from './report-options';
import { makeInputs } from './run-inputs';
import {
  checkInputs,
  measurePoint,
  measureSmaller,
  pointSeconds,
  sizesAt,
  sweepLengths,
  type SweepContext,
} from './sweep';

export { AttentionReport } from './report';
export type { AttentionInputs, AttentionReportOptions } from './report-options';
export type {
  AttentionReportData,
  Clock,
  Output,
  Pass,
  ReportError,
  ReportMemory,
  ReportTiles,
  ReportTiming,
} from './report-data';

/** How a report may be watched and stopped. */
export interface ReportRun {
  /** Stops the report; it then rejects with the signal's reason and has freed what it made. */
  signal?: AbortSignal;
  /** Called with the part done, 0 to 1, never falling. */
  onProgress?(fraction: number): void;
}

/**
 * Runs attention forward and backward on seeded random inputs, or on the given ones, and reports: where it ran; the errors
 * of out, lse and the gradients against the float64 reference and against naive attention on the GPU, beside the allowed error;
 * times, achieved rates and device memory of both algorithms; and the same over a sweep of lengths up to `seq`, as a figure.
 *
 * A result that is wrong is a report with `ok` false. Rejects with a FlashError for bad options or inputs (INVALID_ARGUMENT,
 * SHAPE and what `flash.attention` gives), with the signal's reason where aborted; nothing stays on the device either way.
 */
export async function attentionReport(
  options: AttentionReportOptions = {},
  inputs?: AttentionInputs,
  run: ReportRun = {},
): Promise<AttentionReport> {
  const start = performance.now();
  const plan = planReport(options, inputs);
  checkRunOptions(options);
  checkRunOptions(run);
  const signals = [options.signal, run.signal].filter((signal) => signal !== undefined);
  const signal = signals.length > 1 ? AbortSignal.any(signals) : signals[0];
  signal?.throwIfAborted();
  const held: { dispose(): void }[] = [];
  try {
    const onProgress = (fraction: number): void => {
      options.onProgress?.(fraction);
      run.onProgress?.(fraction);
    };
    return await make(plan, held, { signal, onProgress }, start);
  } finally {
    for (const item of held) item.dispose();
  }
}

/** For an algorithm at a length. */
const EFFORT = { runs: 5, ms: 600 };

/** The report itself; whatever it enters into `held` its caller frees. */
async function make(
  plan: ReportPlan,
  held: { dispose(): void }[],
  { signal, onProgress }: { signal: AbortSignal | undefined; onProgress(fraction: number): void },
  start: number,
): Promise<AttentionReport> {
  const inputs = await makeInputs(plan, plan.sizes, (tensor: Tensor) => held.push(tensor));
  const { problem, algorithm } = checkInputs(inputs, plan);
  const { info: device } = await defaultDevice();
  const check = planCheck(problem, plan.seed);
  const lengths = sweepLengths(problem.Nq);
  const algorithms = [algorithm, algorithm === 'naive' ? 'flash2' : 'naive'] as const;
  const smaller = lengths.slice(0, -1).map((seq) => sizesAt(plan.sizes, seq));
  const seconds = [...smaller.map(({ seq, seqK }) => ({ ...problem, Nq: seq, Nk: seqK })), problem].map(
    (one, index) => algorithms.length * pointSeconds(one, device.kind, index === 0),
  );
  const progress = new Progress(seconds.reduce((a, b) => a + b, 0) + checkSeconds(problem, check), onProgress);
  const context: SweepContext = { plan, device, algorithms, effort: EFFORT, signal, progress, seen: new Set() };
  const points = [];
  // Short lengths first: they compile the kernels, and an error of theirs shows early.
  for (const sizes of smaller) points.push(await measureSmaller(sizes, context));
  const full = await measurePoint(problem, inputs, context);
  held.push(...full.measurements.map(({ last }) => last));
  points.push(full);
  const errors = await progress.step(checkSeconds(problem, check), (step) =>
    checkOutputs(problem, check, inputs, full.measurements, { signal, onProgress: step }),
  );
  const all: Measurement[] = points.flatMap((point) => [...point.measurements]);
  const clock = commonClock(all);
  const { forward, grads } = full.measurements[0].last;
  progress.finish();
  return new AttentionReport({
    device,
    problem,
    dtype: plan.dtype,
    seed: plan.seed,
    randomInputs: plan.inputs === undefined,
    algorithm,
    paths: { forward: forward.info.path, backward: grads.info.path },
    tiles: forward.info.tiles,
    errors,
    timings: full.measurements.flatMap((one) => timings(one, clock)),
    memory: full.memory,
    sweep: {
      timings: all.flatMap((one) => timings(one, clock)),
      memory: points.flatMap((point) => point.memory),
    },
    notes: points.flatMap((point) => point.notes),
    seconds: (performance.now() - start) / 1000,
  });
}
