import type { FlashDevice } from './device';
import { COPY_SRC, QUERY_RESOLVE } from './gpu-constants';

/** Passes that one timer can hold, about three minutes of work; beyond that there is no total. */
const PASSES = 2048;

/** Adds up the GPU time of compute passes by timestamps, where the device has them. */
export class GpuTimer {
  private readonly queries: GPUQuerySet | null;
  private passes = 0;
  private resolved: GPUBuffer | null = null;

  constructor(private readonly device: FlashDevice) {
    this.queries = device.info.timestamps ? device.gpu.createQuerySet({ type: 'timestamp', count: 2 * PASSES }) : null;
  }

  /** The descriptor of the next compute pass. */
  nextPass(): GPUComputePassDescriptor {
    const index = 2 * this.passes++;
    if (!this.queries || index >= 2 * PASSES) return {};
    return {
      timestampWrites: {
        querySet: this.queries,
        beginningOfPassWriteIndex: index,
        endOfPassWriteIndex: index + 1,
      },
    };
  }

  /** Milliseconds of all passes; null without timestamps, or when there were more passes than fit. */
  async total(): Promise<number | null> {
    const { device, queries, passes } = this;
    if (!queries || passes === 0 || passes > PASSES) return null;
    const bytes = 16 * passes;
    await device.checked('timestamps', () => {
      const encoder = device.gpu.createCommandEncoder();
      this.resolved = device.gpu.createBuffer({ size: bytes, usage: QUERY_RESOLVE | COPY_SRC });
      encoder.resolveQuerySet(queries, 0, 2 * passes, this.resolved, 0);
      device.gpu.queue.submit([encoder.finish()]);
    });
    const stamps = new BigUint64Array(await device.read(this.resolved!, bytes));
    let nanoseconds = 0;
    for (let i = 0; i < stamps.length; i += 2) {
      const pass = Number(stamps[i + 1] - stamps[i]);
      // Drivers are known to return stamps that run backwards; such a sum would be no time at all.
      if (pass < 0) return null;
      nanoseconds += pass;
    }
    return nanoseconds / 1e6;
  }

  dispose(): void {
    this.resolved?.destroy();
    this.queries?.destroy();
  }
}
