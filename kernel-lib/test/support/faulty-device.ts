import type { FlashDevice } from '../../src/device/device';

/** What a watched device has done and shall do. */
export interface Watched {
  /** Buffers that were made and not destroyed, once those that are kept for later calls have been. */
  live(): number;
  /** Buffers made since the last failNext, of those that may fail. */
  readonly made: number;
  /**
   * From now on, there is no memory for the n-th buffer (from 1) that `may` says, and those after it, as WebGPU tells it: by an error
   * scope.
   * @param times how many of them fail
   */
  failNext(n: number, may?: (descriptor: GPUBufferDescriptor) => boolean, times?: number): void;
  /** Makes the device an ordinary one again. */
  stop(): void;
}

/** Counts a device's buffers, and lets one of them fail. */
export function watch({ gpu, kept }: FlashDevice): Watched {
  const { createBuffer, popErrorScope } = gpu;
  let live = 0;
  let made = 0;
  let failing = 0;
  let left = 0;
  let mayFail: (descriptor: GPUBufferDescriptor) => boolean = () => true;
  let failed = false;
  Object.assign(gpu, {
    createBuffer(descriptor: GPUBufferDescriptor): GPUBuffer {
      const buffer = createBuffer.call(gpu, descriptor);
      // Those of timers and uniform blocks are bounded, and serve the next call.
      if (descriptor.label?.startsWith('kept for')) return buffer;
      live++;
      const { destroy } = buffer;
      let destroyed = false;
      Object.assign(buffer, {
        destroy(): undefined {
          if (!destroyed) live--;
          destroyed = true;
          destroy.call(buffer);
        },
      });
      if (mayFail(descriptor) && ++made >= failing && left > 0) {
        left--;
        failed = true;
        // Nobody can destroy what was never made.
        buffer.destroy();
      }
      return buffer;
    },
    async popErrorScope(): Promise<GPUError | null> {
      // The scope for memory is the innermost and so the first to be popped.
      const mine = failed;
      failed = false;
      const error = await popErrorScope.call(gpu);
      return mine ? { message: 'not enough memory left' } : error;
    },
  });
  return {
    live() {
      kept.destroy();
      return live;
    },
    get made() {
      return made;
    },
    failNext(n, may = () => true, times = n > 0 ? Infinity : 0) {
      made = 0;
      failing = n;
      left = times;
      mayFail = may;
    },
    stop: () => {
      Object.assign(gpu, { createBuffer, popErrorScope });
    },
  };
}
