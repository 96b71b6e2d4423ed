import type { FlashDevice } from './device';
import { COPY_DST, UNIFORM } from './gpu-constants';

/** Buffers that no submit uses now, by their size: making one takes longer than writing it. */
const idle = new WeakMap<FlashDevice, Map<number, GPUBuffer[]>>();

/** So many of each size are kept. */
const KEPT = 64;

/** The uniform blocks of one submit. */
export class Uniforms {
  private readonly used: GPUBuffer[] = [];

  constructor(private readonly device: FlashDevice) {}

  /** A buffer with these bytes. */
  with(bytes: ArrayBuffer): GPUBuffer {
    const { gpu } = this.device;
    const size = bytes.byteLength;
    const buffer =
      this.pool(size).pop() ?? gpu.createBuffer({ size, usage: UNIFORM | COPY_DST, label: 'kept for uniforms' });
    this.used.push(buffer);
    gpu.queue.writeBuffer(buffer, 0, bytes);
    return buffer;
  }

  private pool(size: number): GPUBuffer[] {
    const pools = idle.get(this.device) ?? new Map<number, GPUBuffer[]>();
    idle.set(this.device, pools);
    const pool = pools.get(size) ?? [];
    pools.set(size, pool);
    return pool;
  }

  /** After an error: one of them may be what there was no memory for. */
  destroy(): void {
    for (const buffer of this.used) buffer.destroy();
  }

  /** Once the submit has run: the next one may have them. */
  giveBack(): void {
    for (const buffer of this.used) {
      const pool = this.pool(buffer.size);
      if (pool.length < KEPT) pool.push(buffer);
      else buffer.destroy();
    }
  }
}
