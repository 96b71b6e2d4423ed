import { FlashError } from '../api/errors';
import type { FlashDevice } from '../device/device';
import type { StorageArray } from './storage-array';

export interface GpuCopy {
  readonly device: FlashDevice;
  readonly buffer: GPUBuffer;
}

/** Whose memory a buffer is. */
const owners = new WeakMap<GPUBuffer, Storage>();

/** The memory behind a tensor, apart from it so that the garbage collector may take the tensor and then free this. */
export class Storage {
  /** How many users there are: the tensors that share it, and each call that is running with it. */
  private users = 1;
  /** The call that is going to write here, until it has; later readers wait for it. */
  pending: Promise<unknown> | null = null;
  private copy: GpuCopy | null = null;

  constructor(
    public host: StorageArray | null,
    gpu: GpuCopy | null,
  ) {
    this.gpu = gpu;
  }

  /** The elements on a device. */
  get gpu(): GpuCopy | null {
    return this.copy;
  }

  set gpu(next: GpuCopy | null) {
    this.copy = next;
    if (next) owners.set(next.buffer, this);
  }

  /** Whether the elements are nowhere any more. */
  get gone(): boolean {
    return !this.host && !this.copy;
  }

  retain(): void {
    this.users++;
  }

  release(): void {
    if (--this.users > 0) return;
    this.evict();
    // Whoever still knows this, by a buffer of an earlier call for instance, must not keep the elements.
    this.host = null;
  }

  /** Frees the copy on the device; without one on the host, the elements are gone. */
  evict(): void {
    if (!this.copy) return;
    const { device, buffer } = this.copy;
    this.copy = null;
    owners.delete(buffer);
    device.free(buffer);
  }
}

/** Whether the elements in a buffer are also on the host: such a buffer can be freed, and is made anew when it is wanted. */
export const isOnHost = (buffer: GPUBuffer): boolean => Boolean(owners.get(buffer)?.host);

/**
 * Frees buffers of tensors, between the calls that run on the device: those whose elements are also on the host, or with `lose`
 * any; such a tensor is as if disposed of. Of buffers that belong to no tensor, those that a call is to use stay.
 * @returns the bytes of these tensors, and of what was kept for later calls
 */
export function freeBuffers(
  device: FlashDevice,
  buffers: Iterable<GPUBuffer>,
  { lose }: { lose: boolean },
): Promise<number> {
  return device.enqueue(async () => {
    const before = device.bytesInAll;
    for (const buffer of buffers) {
      const storage = owners.get(buffer);
      if (storage?.gpu?.buffer === buffer && (storage.host || lose)) storage.evict();
    }
    // Who frees wants the memory, not only that nobody uses it.
    device.kept.destroy();
    await device.reclaim();
    return before - device.bytesInAll;
  });
}

/** @param name the argument's name, for the message */
export const disposedError = (name: string): FlashError =>
  new FlashError('DISPOSED', `${name}: expected a live tensor, got one that was disposed.`);
