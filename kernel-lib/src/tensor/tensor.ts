import { describe } from '../api/describe';
import { FlashError } from '../api/errors';
import type { FlashDevice } from '../device/device';
import { upload } from '../device/upload';
import { checkDtype, checkShape, onHost } from './check';
import { BYTES, type DType } from './dtype';
import { sizeOf } from './layout';
import { track } from './scope';
import { disposedError, type GpuCopy, Storage } from './storage';
import { type StorageArray, toNumbers, toStorage, viewStorage, zeroStorage } from './storage-array';

export type { DType, FloatDType } from './dtype';

const collected = new FinalizationRegistry<Storage>((storage) => storage.release());

/**
 * An array of numbers, row-major, on the host, on the GPU or both. Only a KV cache is ever written to, all others stay as they were. Freed by `dispose()`, by `tidy`, or in the end
 * by the garbage collector.
 */
export class Tensor {
  readonly shape: readonly number[];
  readonly dtype: DType;
  /** Number of elements. */
  readonly size: number;
  /** Bytes of the elements as they are stored. */
  readonly bytes: number;
  private storage: Storage | null;

  /** @internal use tensor(), randn() or zeros() */
  constructor(shape: readonly number[], dtype: DType, source: StorageArray | GpuCopy | Storage) {
    this.shape = Object.freeze([...shape]);
    this.dtype = dtype;
    this.size = sizeOf(shape);
    this.bytes = this.size * BYTES[dtype];
    if (source instanceof Storage) this.storage = source;
    else this.storage = ArrayBuffer.isView(source) ? new Storage(source, null) : new Storage(null, source);
    collected.register(this, this.storage, this);
    track(this);
  }

  get disposed(): boolean {
    return !this.storage || this.storage.gone;
  }

  /**
   * A copy of the numbers, row-major, whatever the dtype ('bool' as 0 and 1), once every earlier call has finished.
   * @throws FlashError DISPOSED after dispose(), DEVICE_LOST if they were on a device that is gone
   */
  async data(): Promise<Float32Array> {
    const storage = this.open('this tensor');
    storage.retain();
    try {
      if (storage.pending) await storage.pending;
      if (storage.host) return toNumbers(storage.host.slice());
      const { device } = copyOf(storage);
      if (device.lost) throw device.lost;
      // By its turn in the queue the copy may have been freed.
      const read = async (): Promise<ArrayBuffer> => device.read(copyOf(storage).buffer, this.bytes);
      return toNumbers(viewStorage(await device.enqueue(read), this.dtype));
    } finally {
      storage.release();
    }
  }

  /**
   * A tensor of the same numbers in the same order and another shape. Nothing is copied: both share the memory, which is freed
   * when both are disposed of.
   * @param shape as many elements as this one has; one axis may be -1, which stands for what the others leave
   * @throws FlashError SHAPE, DISPOSED
   */
  reshape(shape: readonly number[]): Tensor {
    const storage = this.open('this tensor');
    const dims = fillShape(shape, this);
    storage.retain();
    return new Tensor(dims, this.dtype, storage);
  }

  /**
   * Frees the memory, unless another tensor shares it (see reshape); a call that is running with this tensor still finishes. A
   * second time does nothing.
   */
  dispose(): void {
    collected.unregister(this);
    this.storage?.release();
    this.storage = null;
  }

  /** Short text for people: `Tensor f32 (1,4,256,64)`. */
  toString(): string {
    return `Tensor ${this.dtype} (${this.shape.join(',')})`;
  }

  /** How Node's inspect and console show it. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return String(this);
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
    if (!this.storage || this.storage.gone) throw disposedError(name);
    return this.storage;
  }

  /**
   * The buffer that has the elements now, if any.
   * @internal
   */
  get buffer(): GPUBuffer | null {
    return this.storage?.gpu?.buffer ?? null;
  }
}

/** The elements on the device, unless they were freed there. */
function copyOf({ gpu }: Storage): GpuCopy {
  if (!gpu) throw disposedError('this tensor');
  return gpu;
}

/** The shape itself, with the number that -1 stands for, if it has as many elements as the tensor. */
function fillShape(shape: readonly number[], { size, shape: own }: Tensor): number[] {
  const open = Array.isArray(shape) ? shape.indexOf(-1) : -1;
  const rest = open < 0 ? 1 : sizeOf(shape.filter((_, axis) => axis !== open));
  // An axis beside one of length 0 could have any length, so none is filled in.
  const filled = open < 0 || rest === 0 ? shape : shape.map((n, axis) => (axis === open ? size / rest : n));
  const whole = Array.isArray(filled) && filled.every((n) => Number.isInteger(n) && n >= 0);
  if (whole && sizeOf(filled) === size) return [...filled];
  throw new FlashError(
    'SHAPE',
    `shape: expected the ${size} elements of (${own.join(',')}) in whole axes, at most one of them -1, got ${describe(shape)}.`,
  );
}

/** A tensor in use by one call. */
export class TensorUse {
  constructor(
    private readonly name: string,
    readonly tensor: Tensor,
    private readonly storage: Storage,
  ) {}

  /** The elements on `device`, as they are stored, uploaded at first use, unless that is aborted. */
  async on(device: FlashDevice, signal?: AbortSignal): Promise<GPUBuffer> {
    const { storage } = this;
    if (storage.gpu?.device === device) return storage.gpu.buffer;
    if (storage.gone) throw disposedError(this.name);
    if (!storage.host) {
      throw new FlashError(
        'DEVICE_LOST',
        `${this.name}: expected a tensor of the current device, got one that lived only on a device that has ended.`,
      );
    }
    const { byteLength } = storage.host;
    // Kernels may count on zeros behind the elements, so a buffer with something in it will do only where there is nothing behind.
    const kept = byteLength > 0 && byteLength % 16 === 0 ? device.reuse(byteLength, this.name) : undefined;
    const buffer = kept ?? (await device.allocate(byteLength, this.name));
    await upload(device, buffer, storage.host, signal).catch((error: unknown) => {
      device.discard(buffer);
      throw error;
    });
    storage.evict();
    storage.gpu = { device, buffer };
    return buffer;
  }

  /** Says, at the call, that `call` is going to write into the tensor. */
  willWrite(call: Promise<unknown>): void {
    const pending = call.catch(() => undefined);
    this.storage.pending = pending;
    void pending.then(() => {
      if (this.storage.pending === pending) this.storage.pending = null;
    });
  }

  /** The same for a kernel that writes into the tensor: from now on its elements are on the device only. */
  async writable(device: FlashDevice, signal?: AbortSignal): Promise<GPUBuffer> {
    const buffer = await this.on(device, signal);
    this.storage.host = null;
    return buffer;
  }

  /** The numbers on the host, whatever the dtype; to be read only. */
  async host(): Promise<Float32Array> {
    const { storage } = this;
    if (storage.pending) await storage.pending;
    return storage.host ? toNumbers(storage.host) : this.tensor.data();
  }

  release(): void {
    this.storage.release();
  }
}

/** A tensor over a buffer that a kernel has filled (or will have, by the time later calls run). */
export const fromBuffer = (
  device: FlashDevice,
  buffer: GPUBuffer,
  shape: readonly number[],
  dtype: DType = 'f32',
): Tensor => new Tensor(shape, dtype, { device, buffer });

export interface TensorOptions {
  /** How the numbers are stored. Default 'f32'. */
  dtype?: DType;
}

const isBigInts = (data: unknown): boolean => data instanceof BigInt64Array || data instanceof BigUint64Array;

/**
 * A tensor of `shape` with the given numbers, row-major; they are copied and converted at the call and uploaded at first use.
 * 'f32' and 'f16' round to nearest, 'bool' takes true, false and numbers (true where not 0), 'i8' whole numbers from -128 to
 * 127. With 'f16' a Uint16Array holds not numbers but the bits of float16.
 * @throws FlashError SHAPE if the number of elements differs, INVALID_ARGUMENT if `data` is no array of numbers that the
 *   dtype can hold, DTYPE, OUT_OF_MEMORY
 */
export function tensor(
  data: ArrayLike<number> | ArrayLike<boolean>,
  shape: readonly number[],
  options: TensorOptions = {},
): Tensor {
  const dims = checkShape(shape);
  const dtype = checkDtype(options?.dtype);
  const length = (data as ArrayLike<unknown> | null | undefined)?.length;
  if (typeof data !== 'object' || typeof length !== 'number' || data instanceof DataView || isBigInts(data)) {
    throw new FlashError('INVALID_ARGUMENT', `data: expected an array of numbers, got ${describe(data)}.`);
  }
  const size = sizeOf(dims);
  if (length !== size) {
    throw new FlashError('SHAPE', `data: expected ${size} numbers for shape (${dims.join(',')}), got ${length}.`);
  }
  if (!ArrayBuffer.isView(data)) checkElements(data, dtype);
  const storage = onHost(dims, () =>
    dtype === 'f16' && data instanceof Uint16Array ? data.slice() : toStorage(data as ArrayLike<number>, dtype, 'data'),
  );
  return new Tensor(dims, dtype, storage);
}

/** Refuses what is no number; 'bool' takes true and false, too. */
function checkElements(data: ArrayLike<unknown>, dtype: DType): void {
  const booleans = dtype === 'bool';
  for (let i = 0; i < data.length; i++) {
    const value = data[i];
    if (typeof value === 'number' || (booleans && typeof value === 'boolean')) continue;
    const expected = booleans ? 'true, false or a number' : 'a number';
    throw new FlashError('INVALID_ARGUMENT', `data[${i}]: expected ${expected}, got ${describe(value)}.`);
  }
}

/** A tensor of zeros. */
export function zeros(shape: readonly number[], options: TensorOptions = {}): Tensor {
  const dims = checkShape(shape);
  const dtype = checkDtype(options?.dtype);
  return new Tensor(
    dims,
    dtype,
    onHost(dims, () => zeroStorage(sizeOf(dims), dtype)),
  );
}
