import { describe } from '../api/describe';
import { FlashError } from '../api/errors';
import type { FlashDevice } from '../device/device';
import { sizeOf } from './layout';
import { track } from './scope';

/** How numbers are stored. */
export type DType = 'f32';

interface GpuCopy {
  readonly device: FlashDevice;
  readonly buffer: GPUBuffer;
}

/** The memory behind a tensor, apart from it so that the garbage collector may take the tensor and then free this. */
class Storage {
  /** How many users there are: the tensor itself, and each call that is running with it. */
  private users = 1;

  constructor(
    readonly host: Float32Array | null,
    public gpu: GpuCopy | null,
  ) {}

  retain(): void {
    this.users++;
  }

  release(): void {
    if (--this.users > 0 || !this.gpu) return;
    this.gpu.device.free(this.gpu.buffer);
    this.gpu = null;
  }
}

const collected = new FinalizationRegistry<Storage>((storage) => storage.release());

/**
 * An immutable array of numbers, row-major, on the host, on the GPU or both. Freed by `dispose()`, by `tidy`, or in the end
 * by the garbage collector.
 */
export class Tensor {
  readonly shape: readonly number[];
  readonly dtype: DType;
  /** Number of elements. */
  readonly size: number;
  private storage: Storage | null;

  /** @internal use tensor(), randn() or zeros() */
  constructor(shape: readonly number[], dtype: DType, source: Float32Array | GpuCopy) {
    this.shape = Object.freeze([...shape]);
    this.dtype = dtype;
    this.size = sizeOf(shape);
    this.storage = ArrayBuffer.isView(source) ? new Storage(source, null) : new Storage(null, source);
    collected.register(this, this.storage, this);
    track(this);
  }

  get disposed(): boolean {
    return this.storage === null;
  }

  /**
   * A copy of the numbers, row-major, once every earlier call has finished.
   * @throws FlashError DISPOSED after dispose(), DEVICE_LOST if they were on a device that is gone
   */
  async data(): Promise<Float32Array> {
    const storage = this.open('this tensor');
    if (storage.host) return storage.host.slice();
    const { device, buffer } = storage.gpu!;
    if (device.lost) throw device.lost;
    storage.retain();
    try {
      return new Float32Array(await device.enqueue(() => device.read(buffer, this.size * 4)));
    } finally {
      storage.release();
    }
  }

  /** Frees the memory; a call that is running with this tensor still finishes. A second time does nothing. */
  dispose(): void {
    collected.unregister(this);
    this.storage?.release();
    this.storage = null;
  }

  /** Short text for people: `Tensor f32 (1,4,256,64)`. */
  toString(): string {
    return `Tensor ${this.dtype} (${this.shape.join(',')})`;
  }

  /**
   * Keeps the memory alive for one call, whatever happens to the tensor meanwhile.
   * @internal
   * @param name the argument's name, for errors
   */
  use(name: string): TensorUse {
    const storage = this.open(name);
    storage.retain();
    return new TensorUse(name, this, storage);
  }

  private open(name: string): Storage {
    if (!this.storage) throw new FlashError('DISPOSED', `${name}: expected a live tensor, got one that was disposed.`);
    return this.storage;
  }
}

/** A tensor in use by one call. */
export class TensorUse {
  constructor(
    private readonly name: string,
    readonly tensor: Tensor,
    private readonly storage: Storage,
  ) {}

  /** The numbers on `device`, uploaded at first use. */
  async on(device: FlashDevice): Promise<GPUBuffer> {
    const { storage } = this;
    if (storage.gpu?.device === device) return storage.gpu.buffer;
    if (!storage.host) {
      throw new FlashError(
        'DEVICE_LOST',
        `${this.name}: expected a tensor of the current device, got one that lived only on a device that has ended.`,
      );
    }
    const buffer = await device.allocate(storage.host.byteLength, this.name);
    device.gpu.queue.writeBuffer(buffer, 0, storage.host);
    storage.gpu?.device.free(storage.gpu.buffer);
    storage.gpu = { device, buffer };
    return buffer;
  }

  /** The numbers on the host. */
  async host(): Promise<Float32Array> {
    return this.storage.host ?? this.tensor.data();
  }

  release(): void {
    this.storage.release();
  }
}

/** A tensor over a buffer that a kernel has filled (or will have, by the time later calls run). */
export const fromBuffer = (device: FlashDevice, buffer: GPUBuffer, shape: readonly number[]): Tensor =>
  new Tensor(shape, 'f32', { device, buffer });

function checkShape(shape: unknown): number[] {
  const ok = Array.isArray(shape) && shape.every((n) => Number.isInteger(n) && n >= 0);
  if (!ok) throw new FlashError('SHAPE', `shape: expected an array of whole numbers >= 0, got ${describe(shape)}.`);
  const size = sizeOf(shape as number[]);
  if (size > 2 ** 31) throw new FlashError('SHAPE', `shape: expected at most 2^31 elements, got ${describe(shape)}.`);
  return shape as number[];
}

function checkDtype(dtype: unknown): DType {
  if (dtype === undefined || dtype === 'f32') return 'f32';
  if (dtype === 'f16' || dtype === 'bool' || dtype === 'i8') {
    throw new FlashError('UNSUPPORTED', `dtype: '${dtype}' is not there yet, expected 'f32'.`);
  }
  throw new FlashError('DTYPE', `dtype: expected 'f32', got ${describe(dtype)}.`);
}

const isBigInts = (data: unknown): boolean => data instanceof BigInt64Array || data instanceof BigUint64Array;

/** Runs what allocates host memory for `dims`; the engine's own error for too much of it becomes ours. */
export function onHost(dims: readonly number[], allocate: () => Float32Array): Float32Array {
  try {
    return allocate();
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new FlashError('OUT_OF_MEMORY', `shape: no host memory for (${dims.join(',')}): ${cause.message}.`, {
      cause,
    });
  }
}

export interface TensorOptions {
  dtype?: DType;
}

/**
 * A tensor of `shape` with the given numbers, row-major; they are copied at the call and uploaded at first use.
 * @throws FlashError SHAPE if the number of elements differs, INVALID_ARGUMENT if `data` is no array of numbers
 */
export function tensor(data: ArrayLike<number>, shape: readonly number[], options: TensorOptions = {}): Tensor {
  const dims = checkShape(shape);
  const dtype = checkDtype(options?.dtype);
  const length = (data as ArrayLike<number> | null | undefined)?.length;
  if (typeof data !== 'object' || typeof length !== 'number' || data instanceof DataView || isBigInts(data)) {
    throw new FlashError('INVALID_ARGUMENT', `data: expected an array of numbers, got ${describe(data)}.`);
  }
  const size = sizeOf(dims);
  if (length !== size) {
    throw new FlashError('SHAPE', `data: expected ${size} numbers for shape (${dims.join(',')}), got ${length}.`);
  }
  if (!ArrayBuffer.isView(data)) {
    const odd = Array.prototype.findIndex.call(data, (value) => typeof value !== 'number');
    if (odd >= 0) {
      throw new FlashError('INVALID_ARGUMENT', `data[${odd}]: expected a number, got ${describe(data[odd])}.`);
    }
  }
  return new Tensor(
    dims,
    dtype,
    onHost(dims, () => Float32Array.from(data)),
  );
}

/** A tensor of zeros. */
export function zeros(shape: readonly number[], options: TensorOptions = {}): Tensor {
  const dims = checkShape(shape);
  const dtype = checkDtype(options?.dtype);
  const size = sizeOf(dims);
  return new Tensor(
    dims,
    dtype,
    onHost(dims, () => new Float32Array(size)),
  );
}

/** Checks for other makers of tensors. */
export const checks = { shape: checkShape, dtype: checkDtype };
