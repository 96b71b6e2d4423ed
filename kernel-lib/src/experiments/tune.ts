import { FlashError } from '../api/errors';
import { attention } from '../api/attention';
import { checkNames, checkRunOptions, oneOf } from '../api/checks';
import { NO_FEATURES, type Problem } from '../api/problem';
import { provenFacts } from '../api/prove-matrices';
import { defaultDevice } from '../device/default-device';
import type { FlashDevice } from '../device/device';
import { matrixTuningKey, type TunedShape, type Tuning } from '../device/tuning';
import { type Pass, tuningTrials, type TuningTrials } from '../kernels/flash2/choose-tile';
import { randn } from '../tensor/random';
import type { Tensor } from '../tensor/tensor';
import { Progress } from './progress';
import { wholeNumber } from './size-options';
import { TuneReport, type TuneRow } from './tune-report';

export interface TuneOptions {
  /** Head sizes D and Dv to tune for. Default 64, and that of dim. */
  dim?: number;
  dimV?: number;
  /** The problem that is timed. Default 8 heads, 1024 tokens on a GPU, 256 on a driver that runs on the CPU. */
  heads?: number;
  seq?: number;
  /** Default 'f32'. Matrix units have tiles of their own for each; without them both have the same, and what was tuned last counts. */
  dtype?: 'f32' | 'f16';
  /** Whether later sessions use the result, too. Default true. */
  keep?: boolean;
  /** Takes back, for all head sizes, what was found before, and measures nothing. */
  forget?: boolean;
  signal?: AbortSignal;
  onProgress?(fraction: number): void;
}

const PASSES: readonly Pass[] = ['forward', 'dq', 'dkdv'];
const RUNS = 3;
/** A shape must save this share of the time to be taken in place of the table's. */
const GAIN = 0.03;
/**
 * Share of the largest entry by which results may differ from those of the table's shapes: sums in another order, and where units take
 * halves, weights that were rounded by another maximum.
 */
const DIFFERENCE = { f32: 1e-3, f16: 1e-2 };

/**
 * Measures which tiles suit FlashAttention-2's kernels on the default device, for one pair of head sizes, and uses them from then on, in later
 * sessions too: for a device that the tables do not know. The bits of results change with the tiles, by no more than their rounding.
 * A shape whose results differ from the table's is not taken, however fast it is; one of matrix units is compared with float64, too, as
 * they are whenever they are used for the first time (api/prove-matrices.ts).
 *
 * Rejects with a FlashError for bad options, with the signal's reason where aborted; then nothing has changed.
 */
export async function tune(options: TuneOptions = {}): Promise<TuneReport> {
  checkNames(options, ['dim', 'dimV', 'heads', 'seq', 'dtype', 'keep', 'forget', 'signal', 'onProgress']);
  checkRunOptions(options);
  const { keep = true, signal } = options;
  const D = wholeNumber('dim', options.dim, 64, 256);
  const Dv = wholeNumber('dimV', options.dimV, D, 256);
  const H = wholeNumber('heads', options.heads, 8);
  const dtype = oneOf('dtype', ['f32', 'f16'], options.dtype, 'f32');
  signal?.throwIfAborted();
  const device = await defaultDevice();
  const { facts, info } = device;
  const N = wholeNumber('seq', options.seq, facts.kind === 'hardware' ? 1024 : 256);
  const before: Tuning = Object.fromEntries(facts.tuned ?? []);
  if (options.forget) {
    device.tune({}, keep);
    return new TuneReport(info, { D, Dv, H, N, dtype }, []);
  }
  const problem: Problem = {
    ...NO_FEATURES,
    ...{ B: 1, H, Hk: H, Nq: N, Nk: N, D, Dv, scale: 1, layout: 'bhnd', packing: 'none', dtype },
  };
  const trial = new Trial(device, problem, signal);
  const found: Record<string, TunedShape> = { ...before };
  const rows: TuneRow[] = [];
  let progress: Progress;
  try {
    // The tables' are proven first, whatever was found before.
    for (const pass of PASSES) delete found[matrixTuningKey(pass, problem)];
    device.tune(found, false);
    const trials = await device.enqueue(() => trialsOf(device, problem));
    for (const { key } of trials) delete found[key];
    const tries = trials.reduce((sum, { shapes }) => sum + 1 + shapes.length, 0);
    progress = new Progress(tries, options.onProgress);
    for (const { pass, key, shapes } of trials) {
      const table = await progress.step(1, () => trial.run(pass, found));
      const tried: TuneRow[] = [{ pass, shape: null, ms: table, taken: true }];
      for (const shape of shapes) {
        const run = async (): Promise<number | null> => {
          const ms = await trial.run(pass, { ...found, [key]: shape }).catch(notHere);
          // One of matrix units that is wrong has given way to the table's: see provenFacts.
          return device.facts.tuned?.has(key) ? ms : null;
        };
        const ms = await progress.step(1, run);
        tried.push({ pass, shape, ms, taken: false });
      }
      const best = tried.reduce((a, b) => ((b.ms ?? Infinity) < (a.ms ?? Infinity) ? b : a));
      const better = best.shape !== null && best.ms! < (1 - GAIN) * table!;
      if (better) found[key] = best.shape!;
      rows.push(...tried.map((row) => ({ ...row, taken: row === (better ? best : tried[0]) })));
    }
  } catch (error) {
    device.tune(before, false);
    throw error;
  } finally {
    trial.dispose();
  }
  device.tune(found, keep);
  progress.finish();
  return new TuneReport(info, { D, Dv, H, N, dtype }, rows);
}

/** What to try for each pass, with the matrix units if they are proven. */
async function trialsOf(device: FlashDevice, p: Problem): Promise<({ pass: Pass } & TuningTrials)[]> {
  const forward = await provenFacts(device, p, 'forward');
  const backward = await provenFacts(device, p, 'backward');
  return PASSES.map((pass) => ({ pass, ...tuningTrials(pass, p, pass === 'forward' ? forward : backward) }));
}

/** A shape that the device's compiler refuses, or that there is no memory for, is none of its shapes. */
function notHere(error: unknown): null {
  if (error instanceof FlashError && (error.code === 'UNSUPPORTED' || error.code === 'OUT_OF_MEMORY')) return null;
  throw error;
}

/** Forward and backward of one problem, again and again. */
class Trial {
  private readonly inputs: readonly Tensor[];
  /** Results of the table's shapes. */
  private truth: Float32Array[] | null = null;

  constructor(
    private readonly device: FlashDevice,
    private readonly problem: Problem,
    private readonly signal: AbortSignal | undefined,
  ) {
    const { H, Nq, D, Dv, dtype } = problem;
    this.inputs = [D, D, Dv, Dv].map((width, n) => randn([1, H, Nq, width], { seed: n + 1, dtype }));
  }

  /** The fastest of some runs of a pass with a tuning, in milliseconds; null where its results are wrong. */
  async run(pass: Pass, tuning: Tuning): Promise<number | null> {
    const { device, signal } = this;
    const [q, k, v, dout] = this.inputs;
    device.tune(tuning, false);
    let best = Infinity;
    // The first run compiles.
    for (let run = 0; run <= RUNS; run++) {
      const start = performance.now();
      const forward = await attention(q, k, v, { signal });
      const middle = performance.now();
      const made = [forward.out, forward.lse];
      try {
        if (pass === 'forward' && run > 0) {
          best = Math.min(best, forward.info.gpuMs ?? middle - start);
          continue;
        }
        const { dq, dk, dv, info } = await forward.backward(dout, { signal });
        made.push(dq, dk, dv);
        if (run > 0) best = Math.min(best, info.gpuMs ?? performance.now() - middle);
        else if (!(await this.agrees(made))) return null;
      } finally {
        for (const tensor of made) tensor.dispose();
      }
    }
    return best;
  }

  /** Whether results are those of the first call, but for rounding. */
  private async agrees(tensors: readonly Tensor[]): Promise<boolean> {
    const results: Float32Array[] = [];
    for (const tensor of tensors) results.push(await tensor.data());
    const truth = (this.truth ??= results);
    return results.every((numbers, n) => {
      const most = truth[n].reduce((top, x) => Math.max(top, Math.abs(x)), 0);
      return numbers.every((x, i) => Math.abs(x - truth[n][i]) <= DIFFERENCE[this.problem.dtype] * (1 + most));
    });
  }

  dispose(): void {
    for (const tensor of this.inputs) tensor.dispose();
  }
}
