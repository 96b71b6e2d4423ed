import type { FlashDevice } from './device';
import { COPY_DST, COPY_SRC, MAP_MODE_READ, MAP_READ, QUERY_RESOLVE } from './gpu-constants';

/** Passes that one timer can hold: a pass for each kernel of each submit. Beyond that there is no total. */
const PASSES = 2048;

/** What a timer needs of the GPU. */
interface Clock {
  readonly queries: GPUQuerySet;
  readonly resolved: GPUBuffer;
  readonly staging: GPUBuffer;
}

/** Clocks that no timer uses now: making one takes longer than a small kernel runs. */
const idle = new WeakMap<FlashDevice, Clock[]>();

function makeClock({ gpu }: FlashDevice): Clock {
  const size = 16 * PASSES;
  return {
    queries: gpu.createQuerySet({ type: 'timestamp', count: 2 * PASSES }),
    resolved: gpu.createBuffer({ size, usage: QUERY_RESOLVE | COPY_SRC }),
    staging: gpu.createBuffer({ size, usage: MAP_READ | COPY_DST }),
  };
}

/** Adds up the GPU time of compute passes by timestamps, where the device has them. */
export class GpuTimer {
  private clock: Clock | null;
  /** What each pass ran. */
  private readonly passes: string[] = [];

  constructor(private readonly device: FlashDevice) {
    this.clock = device.info.timestamps ? (idle.get(device)?.pop() ?? makeClock(device)) : null;
  }

  /** The descriptor of the next compute pass, which runs the kernel `label`. */
  nextPass(label: string): GPUComputePassDescriptor {
    const index = 2 * (this.passes.push(label) - 1);
    if (!this.clock || index >= 2 * PASSES) return {};
    return {
      timestampWrites: {
        querySet: this.clock.queries,
        beginningOfPassWriteIndex: index,
        endOfPassWriteIndex: index + 1,
      },
    };
  }

  private get usable(): boolean {
    return this.clock !== null && this.passes.length > 0 && this.passes.length <= PASSES;
  }

  /** Ends the last submit: the times go along with it, so that they cost no turn of their own. */
  finish(encoder: GPUCommandEncoder): void {
    if (!this.clock || !this.usable) return;
    const { queries, resolved, staging } = this.clock;
    encoder.resolveQuerySet(queries, 0, 2 * this.passes.length, resolved, 0);
    encoder.copyBufferToBuffer(resolved, 0, staging, 0, 16 * this.passes.length);
  }

  /**
   * Once the last submit has run: milliseconds of each kernel; null without timestamps, or when there were more passes than fit.
   */
  async totals(): Promise<Map<string, number> | null> {
    if (!this.clock || !this.usable) {
      await this.device.gpu.queue.onSubmittedWorkDone();
      return null;
    }
    const { staging } = this.clock;
    const bytes = 16 * this.passes.length;
    await staging.mapAsync(MAP_MODE_READ, 0, bytes);
    const stamps = new BigUint64Array(staging.getMappedRange(0, bytes).slice(0));
    staging.unmap();
    const totals = new Map<string, number>();
    for (const [n, label] of this.passes.entries()) {
      const pass = Number(stamps[2 * n + 1] - stamps[2 * n]) / 1e6;
      // Drivers are known to return stamps that run backwards; such a sum would be no time at all.
      if (pass < 0) return null;
      totals.set(label, (totals.get(label) ?? 0) + pass);
    }
    return totals;
  }

  /** Gives the clock back, for the next timer. */
  dispose(): void {
    const { clock, device } = this;
    this.clock = null;
    if (!clock) return;
    if (clock.staging.mapState === 'unmapped') idle.set(device, [...(idle.get(device) ?? []), clock]);
    else for (const part of Object.values(clock)) (part as GPUBuffer | GPUQuerySet).destroy();
  }
}
