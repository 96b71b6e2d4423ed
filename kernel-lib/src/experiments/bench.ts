import { checkNames, checkRunOptions, fail } from '../api/checks';
import type { Algorithm } from '../api/options';
import { NO_FEATURES } from '../api/problem';
import { OPTION_NAMES } from '../api/validate';
import { ceilingsOf } from '../device/ceilings';
import { defaultDevice } from '../device/default-device';
import { type BenchPoint, BenchReport } from './bench-report';
import { checkOutputs } from './check-outputs';
import { planCheck } from './check-plan';
import { commonClock } from './measure';
import { Progress } from './progress';
import { planReport, type AttentionReportOptions } from './report-options';
import { wholeNumber } from './size-options';
import { measureSmaller, pointSeconds, sizesAt, sweepLengths, type SweepContext } from './sweep';

/** Options of `flash.bench`: a problem, at which lengths, and what computes it. */
export interface BenchOptions extends Omit<AttentionReportOptions, 'algorithm' | 'bias' | 'mask'> {
  /** Lengths of queries, and of keys in step with `seqK`. Default: powers of two up to `seq`, which is 1024 by default. */
  seqs?: readonly number[];
  /** What to compare; ratios are to the first. Default flash2, flash1 and naive. */
  algorithms?: readonly Algorithm[];
}

/** What a check may cost, about a fifth of a second an algorithm and length; see planCheck. */
const CHECK_BUDGET = 1e7;

/** For an algorithm at a length: times of a few milliseconds differ by half from run to run on a driver that shares the CPU. */
const EFFORT = { runs: 15, ms: 1500 };

const SIZE_NAMES = ['batch', 'heads', 'kvHeads', 'seq', 'seqK', 'dim', 'dimV', 'dtype', 'seed'];
const ALGORITHMS: readonly Algorithm[] = ['flash2', 'flash1', 'naive', 'reference'];

/**
 * Times forward and backward of several algorithms over lengths, on random inputs: medians of up to fifteen runs after those that warm up, by
 * the GPU's own clock where it has one. All results are compared with the float64 reference in a sample of rows; those that are
 * wrong are shown as wrong, not as fast.
 *
 * Rejects with a FlashError for bad options (INVALID_ARGUMENT and what `flash.attention` gives), with the signal's reason where
 * aborted; nothing stays on the device either way.
 */
export async function bench(options: BenchOptions = {}): Promise<BenchReport> {
  const start = performance.now();
  checkNames(options, [
    ...[...SIZE_NAMES, 'seqs', 'algorithms', 'layout'],
    ...OPTION_NAMES.filter((name) => !['algorithm', 'bias', 'mask'].includes(name)),
  ]);
  checkRunOptions(options);
  const { seqs: givenSeqs, algorithms: given, seq = 1024, signal, onProgress, ...rest } = options;
  const plan = planReport({ ...rest, seq });
  const seqs = checkSeqs(givenSeqs, seq);
  const algorithms = checkAlgorithms(given);
  signal?.throwIfAborted();
  const opened = await defaultDevice();
  const { info: device } = opened;
  const { kvHeads: Hk, heads: H, batch: B, dim: D, dimV: Dv } = plan.sizes;
  const seconds = seqs.map((length, index) => {
    const { seq: Nq, seqK: Nk } = sizesAt(plan.sizes, length);
    const sizes = { ...NO_FEATURES, B, H, Hk, Nq, Nk, D, Dv };
    return algorithms.length * pointSeconds(sizes, device.kind, index === 0);
  });
  const progress = new Progress(
    seconds.reduce((a, b) => a + b, 0),
    onProgress,
  );
  const context: SweepContext = { plan, device, algorithms, effort: EFFORT, signal, progress, seen: new Set() };
  const ceilings = await opened.enqueue(() => ceilingsOf(opened));
  const points: BenchPoint[] = [];
  const notes: string[] = [];
  for (const length of seqs) {
    const point = await measureSmaller(
      sizesAt(plan.sizes, length),
      context,
      async ({ measurements }, problem, inputs) => {
        const check = planCheck(problem, plan.seed, CHECK_BUDGET);
        for (const measurement of measurements) {
          const control = { signal, onProgress: () => undefined };
          const errors = await checkOutputs(problem, check, inputs, [measurement], control);
          points.push({ measurement, errors });
        }
      },
    );
    notes.push(...point.notes);
  }
  progress.finish();
  const all = points.map(({ measurement }) => measurement);
  return new BenchReport({
    device,
    problem: all[all.length - 1].problem,
    dtype: plan.dtype,
    clock: commonClock(all),
    ceilings,
    points,
    notes,
    seconds: (performance.now() - start) / 1000,
  });
}

function checkSeqs(given: unknown, seq: number): number[] {
  if (given === undefined) return sweepLengths(seq);
  if (!Array.isArray(given) || given.length === 0) fail('seqs', 'a list of lengths', given);
  const lengths = given.map((length, n) => wholeNumber(`seqs[${n}]`, length, NaN));
  return [...new Set(lengths)].sort((a, b) => a - b);
}

function checkAlgorithms(given: unknown): readonly Algorithm[] {
  if (given === undefined) return ['flash2', 'flash1', 'naive'];
  const expected = `a list of ${ALGORITHMS.join(', ')}`;
  if (!Array.isArray(given) || given.length === 0) fail('algorithms', expected, given);
  const odd: unknown = given.find((name) => !ALGORITHMS.includes(name as Algorithm));
  if (odd !== undefined) fail('algorithms', expected, odd);
  return [...new Set(given as Algorithm[])];
}
