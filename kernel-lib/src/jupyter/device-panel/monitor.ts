import type { FlashDevice } from '../../device/device';
import type { RunStats } from '../../device/dispatch';
import { type DeviceObserver, NOBODY, type RunWatch } from '../../device/observer';
import { currentCell } from '../session/cell';
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
  readonly runs: RunState[] = [];
  /** Live buffers of the notebook on the device in use, and which cell made each. */
  readonly buffers = new Map<GPUBuffer, string>();
  /** Grows with each change of the buffers. */
  version = 0;
  private readonly open = new Set<FlashDevice>();
  private readonly samples: [number, number][] = [];
  /** In use since the last change, and the most there has been on this device. */
  private bytes = 0;
  private peak = 0;
  private nextId = 0;
  private looking = true;

  constructor(private readonly changed: () => void) {}

  /** The device in use; null before there is one, and when it has ended. */
  get device(): FlashDevice | null {
    return [...this.open].at(-1) ?? null;
  }

  get memory(): MemoryState {
    this.settle(Date.now());
    return { bytes: this.bytes, peak: this.peak, samples: this.samples };
  }

  opened(device: FlashDevice): void {
    this.open.add(device);
    this.begin();
  }

  closed(device: FlashDevice): void {
    const inUse = device === this.device;
    this.open.delete(device);
    if (inUse) this.begin();
  }

  allocated(device: FlashDevice, buffer: GPUBuffer): void {
    if (!this.looking || device !== this.device) return;
    this.buffers.set(buffer, cellName());
    this.sample(this.bytes + buffer.size);
  }

  freed(_device: FlashDevice, buffer: GPUBuffer): void {
    if (this.buffers.delete(buffer)) this.sample(this.bytes - buffer.size);
  }

  /** Does work of the panel's own, whose kernels and buffers are not shown among those of the notebook. */
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
      failed: (error, stopped) =>
        put(
          stopped
            ? { state: 'stopped' }
            : { state: 'failed', problem: error instanceof Error ? error.message : String(error) },
        ),
    };
  }

  /** Another device is in use, or none. */
  private begin(): void {
    this.buffers.clear();
    this.peak = 0;
    this.sample(0);
  }

  /** Notes the bytes in use. Of a short while the most is kept, so that scratch memory is seen. */
  private sample(bytes: number): void {
    const now = Date.now();
    this.settle(now);
    this.version++;
    this.bytes = bytes;
    this.peak = Math.max(this.peak, bytes);
    const last = this.samples.at(-1);
    if (last && now - last[0] < SAMPLE_MS) last[1] = Math.max(last[1], bytes);
    else this.samples.push([now, bytes]);
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
