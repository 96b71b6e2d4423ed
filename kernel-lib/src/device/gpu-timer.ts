import type { FlashDevice } from './device';
import { COPY_SRC, QUERY_RESOLVE } from './gpu-constants';

/** Passes that one timer can hold: a pass for each kernel of each submit. Beyond that there is no total. */
const PASSES = 2048;

/** Adds up the GPU time of compute passes by timestamps, where the device has them. */
export class GpuTimer {
  private readonly queries: GPUQuerySet | null;
  /** What each pass ran. */
  private readonly passes: string[] = [];
  private resolved: GPUBuffer | null = null;

  constructor(private readonly device: FlashDevice) {
    this.queries = device.info.timestamps ? device.gpu.createQuerySet({ type: 'timestamp', count: 2 * PASSES }) : null;
  }

  /** The descriptor of the next compute pass, which runs the kernel `label`. */
  nextPass(label: string): GPUComputePassDescriptor {
    const index = 2 * (this.passes.push(label) - 1);
    if (!this.queries || index >= 2 * PASSES) return {};
    return {
      timestampWrites: {
        querySet: this.queries,
        beginningOfPassWriteIndex: index,
        endOfPassWriteIndex: index + 1,
      },
    };
  }

  /** Milliseconds of each kernel; null without timestamps, or when there were more passes than fit. */
  async totals(): Promise<Map<string, number> | null> {
    const { device, queries, passes } = this;
    if (!queries || passes.length === 0 || passes.length > PASSES) return null;
    const bytes = 16 * passes.length;
    await device.checked('timestamps', () => {
      const encoder = device.gpu.createCommandEncoder();
      this.resolved = device.gpu.createBuffer({ size: bytes, usage: QUERY_RESOLVE | COPY_SRC });
      encoder.resolveQuerySet(queries, 0, 2 * passes.length, this.resolved, 0);
      device.gpu.queue.submit([encoder.finish()]);
    });
    const stamps = new BigUint64Array(await device.read(this.resolved!, bytes));
    const totals = new Map<string, number>();
    for (const [n, label] of passes.entries()) {
      const pass = Number(stamps[2 * n + 1] - stamps[2 * n]) / 1e6;
      // Drivers are known to return stamps that run backwards; such a sum would be no time at all.
      if (pass < 0) return null;
      totals.set(label, (totals.get(label) ?? 0) + pass);
    }
    return totals;
  }

  dispose(): void {
    this.resolved?.destroy();
    this.queries?.destroy();
  }
}
