import type { FlashDevice } from '../../device/device';
import type { RunStats } from '../../device/dispatch';
import { type DeviceObserver, NOBODY, type RunWatch } from '../../device/observer';
import { currentCell, InterruptedError } from '../session/cell';
import type { MemoryState, RunState } from './messages';

/** Runs that are remembered. */
const MOST_RUNS = 40;
/** Samples that are remembered, and milliseconds that share one. */
const MOST_SAMPLES = 300;
const SAMPLE_MS = 100;

/** The cell that code runs for, as people know it. */
function cellName(): string {
  const options = currentCell.getStore()?.options;
  return options && !options.silent ? `In [${options.count}]` : '';
}

/** Remembers what the device does, for the panel. It looks and does nothing. */
export class Monitor implements DeviceObserver {
  /** The device in use; null before there is one, and when it has ended. */
  device: FlashDevice | null = null;
  readonly runs: RunState[] = [];
  /** Which cell made a buffer. */
  readonly madeBy = new WeakMap<GPUBuffer, string>();
  private readonly samples: [number, number][] = [];
  private peak = 0;
  /** In use since the last change. */
  private bytes = 0;
  private nextId = 0;
  private looking = true;

  constructor(private readonly changed: () => void) {}

  get memory(): MemoryState {
    this.settle(Date.now());
    return { bytes: this.bytes, peak: this.peak, samples: this.samples };
  }

  opened(device: FlashDevice): void {
    this.device = device;
    this.peak = 0;
    this.sample();
  }

  closed(device: FlashDevice): void {
    if (this.device !== device) return;
    this.device = null;
    this.sample();
  }

  allocated(device: FlashDevice, buffer: GPUBuffer): void {
    this.madeBy.set(buffer, cellName());
    if (device === this.device) this.sample();
  }

  freed(device: FlashDevice): void {
    if (device === this.device) this.sample();
  }

  /** Does work of the panel's own, whose kernels are not shown among those of the notebook. */
  async unseen<T>(work: () => Promise<T>): Promise<T> {
    this.looking = false;
    try {
      return await work();
    } finally {
      this.looking = true;
    }
  }

  began(_device: FlashDevice, kernels: readonly string[]): RunWatch {
    if (!this.looking) return NOBODY;
    const run: RunState = {
      id: this.nextId++,
      cell: cellName(),
      state: 'running',
      fraction: 0,
      ms: null,
      clock: 'wall',
      kernels: kernels.map((label) => ({ label, dispatches: null, gpuMs: null })),
      problem: '',
    };
    this.runs.unshift(run);
    this.runs.length = Math.min(this.runs.length, MOST_RUNS);
    const put = (change: Partial<RunState>): void => {
      Object.assign(run, change);
      this.changed();
    };
    this.changed();
    return {
      progress: (fraction) => put({ fraction }),
      ended: ({ kernels: each, gpuMs, wallMs }: RunStats) =>
        put({
          state: 'done',
          fraction: 1,
          ms: gpuMs ?? wallMs,
          clock: gpuMs === null ? 'wall' : 'gpu',
          kernels: each.map((kernel) => ({ ...kernel })),
        }),
      failed: (error) =>
        put(
          error instanceof InterruptedError || (error as Error | undefined)?.name === 'AbortError'
            ? { state: 'stopped' }
            : { state: 'failed', problem: error instanceof Error ? error.message : String(error) },
        ),
    };
  }

  /** Notes the bytes in use. Of a short while the most is kept, so that scratch memory is seen. */
  private sample(): void {
    const now = Date.now();
    this.settle(now);
    this.bytes = this.device?.bytes ?? 0;
    this.peak = Math.max(this.peak, this.bytes);
    const last = this.samples.at(-1);
    if (last && now - last[0] < SAMPLE_MS) last[1] = Math.max(last[1], this.bytes);
    else this.samples.push([now, this.bytes]);
    if (this.samples.length > MOST_SAMPLES) this.samples.splice(0, this.samples.length - MOST_SAMPLES);
    this.changed();
  }

  /** Ends the short while of the last sample with what was in use at its end. */
  private settle(now: number): void {
    const last = this.samples.at(-1);
    if (last && last[1] !== this.bytes && now - last[0] >= SAMPLE_MS) {
      this.samples.push([last[0] + SAMPLE_MS, this.bytes]);
    }
  }
}
