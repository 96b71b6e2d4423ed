import type { FlashDevice } from './device';
import { arrived } from './arrived';
import { COPY_DST, COPY_SRC, MAP_MODE_READ, MAP_READ, QUERY_RESOLVE } from './gpu-constants';

/** Passes that a timer can hold, a pass for each kernel of each submit: of a run of one submit, and of others. Beyond that there is no total. */
const PASSES = { short: 16, long: 2048 };

/** Bytes of results that come back along with the times of a short run. */
export const BROUGHT_BYTES = 65536;

/** What a timer needs of the GPU. */
interface Clock {
  readonly passes: number;
  readonly queries: GPUQuerySet;
  readonly resolved: GPUBuffer;
  readonly staging: GPUBuffer;
}

type Length = keyof typeof PASSES;

/** Clocks that no timer uses now: making one takes longer than a small kernel runs. */
const idle = new WeakMap<FlashDevice, Record<Length, Clock[]>>();

function idleClocks(device: FlashDevice, length: Length): Clock[] {
  const all = idle.get(device) ?? { short: [], long: [] };
  idle.set(device, all);
  return all[length];
}

function makeClock({ gpu }: FlashDevice, length: Length): Clock {
  const passes = PASSES[length];
  const label = 'kept for timers';
  const brought = length === 'short' ? BROUGHT_BYTES : 0;
  return {
    passes,
    queries: gpu.createQuerySet({ type: 'timestamp', count: 2 * passes }),
    resolved: gpu.createBuffer({ size: 16 * passes, usage: QUERY_RESOLVE | COPY_SRC, label }),
    staging: gpu.createBuffer({ size: 16 * passes + brought, usage: MAP_READ | COPY_DST, label }),
  };
}

/**
 * Adds up the GPU time of compute passes by timestamps, where the device has them. Small results come back on the same way, so that
 * reading them later costs nothing: for a small problem that would take as long again.
 */
export class GpuTimer {
  private clock: Clock | null;
  /** What each pass ran. */
  private readonly passes: string[] = [];

  private bring: readonly GPUBuffer[] = [];

  /** @param length 'short' for a run of one submit */
  constructor(
    private readonly device: FlashDevice,
    private readonly length: Length,
  ) {
    this.clock = device.info.timestamps ? (idleClocks(device, length).pop() ?? makeClock(device, length)) : null;
  }

  /** The descriptor of the next compute pass, which runs the kernel `label`. */
  nextPass(label: string): GPUComputePassDescriptor {
    const index = 2 * (this.passes.push(label) - 1);
    if (!this.clock || index >= 2 * this.clock.passes) return {};
    return {
      timestampWrites: {
        querySet: this.clock.queries,
        beginningOfPassWriteIndex: index,
        endOfPassWriteIndex: index + 1,
      },
    };
  }

  private get usable(): boolean {
    return this.clock !== null && this.passes.length > 0 && this.passes.length <= this.clock.passes;
  }

  /**
   * Ends the last submit: the times go along with it, so that they cost no turn of their own.
   * @param results buffers of at most BROUGHT_BYTES together, brought back as well if the run is short
   */
  finish(encoder: GPUCommandEncoder, results: readonly GPUBuffer[]): void {
    if (!this.clock || !this.usable) return;
    const { queries, resolved, staging } = this.clock;
    encoder.resolveQuerySet(queries, 0, 2 * this.passes.length, resolved, 0);
    encoder.copyBufferToBuffer(resolved, 0, staging, 0, 16 * this.passes.length);
    this.bring = this.length === 'short' ? results : [];
    let at = 16 * this.passes.length;
    for (const buffer of this.bring) {
      encoder.copyBufferToBuffer(buffer, 0, staging, at, buffer.size);
      at += buffer.size;
    }
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
    const stampBytes = 16 * this.passes.length;
    const bytes = stampBytes + this.bring.reduce((sum, { size }) => sum + size, 0);
    await staging.mapAsync(MAP_MODE_READ, 0, bytes);
    const range = staging.getMappedRange(0, bytes);
    const stamps = new BigUint64Array(range.slice(0, stampBytes));
    let at = stampBytes;
    for (const buffer of this.bring) {
      const { size } = buffer;
      arrived.set(buffer, range.slice(at, at + size));
      at += size;
    }
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

  /** Gives the clock back, for the next timer, if all went well: else it may be what there was no memory for. */
  dispose(ok: boolean): void {
    const { clock, device } = this;
    this.clock = null;
    if (!clock) return;
    if (ok && clock.staging.mapState === 'unmapped') idleClocks(device, this.length).push(clock);
    else for (const part of [clock.queries, clock.resolved, clock.staging]) part.destroy();
  }
}
