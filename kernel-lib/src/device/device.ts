import { FlashError } from '../api/errors';
import { arrived } from './arrived';
import { MATRIX_FEATURES, matrixUnit, SIZE_FEATURE } from './matrix-unit';
import { COPY_DST, COPY_SRC, MAP_MODE_READ, MAP_READ, STORAGE } from './gpu-constants';
import { KeptBuffers } from './kept-buffers';
import { observer } from './observer';
import type { MatrixUnit } from '../wgsl/matrix-types';
import { type TunedShape, type Tuning, tuningStore } from './tuning';
import { type AdapterChoice, type AdapterPreference, driverName, isSoftware, requestAdapter } from './gpu-provider';

/** What the choice of a kernel may depend on: nothing that is measured unasked, so that a choice can be repeated and tested. */
export interface DeviceFacts {
  readonly kind: 'hardware' | 'software';
  readonly driver: string;
  readonly workgroupStorage: number;
  readonly maxInvocations: number;
  readonly maxWorkgroups: number;
  readonly maxBinding: number;
  readonly maxBuffer: number;
  /** Storage buffers of one kernel. */
  readonly maxStorageBuffers: number;
  /** Lanes of a subgroup, 0 where the device has no subgroups or their size varies. */
  readonly subgroupSize: number;
  /** Whether WGSL can ask which subgroup a thread is in. */
  readonly subgroupIds?: boolean;
  /** The matrix units, where kernels may use them: see api/prove-matrices.ts. */
  readonly matrices?: MatrixUnit;
  /** What flash.tune() found, in place of the tables. */
  readonly tuned?: ReadonlyMap<string, TunedShape>;
}

/** What `flash.device()` tells. */
export interface DeviceInfo {
  readonly kind: 'hardware' | 'software';
  readonly name: string;
  readonly driver: string;
  readonly vendor: string;
  readonly architecture: string;
  /** Why this adapter was taken. */
  readonly reason: string;
  readonly features: readonly string[];
  readonly limits: Readonly<Record<string, number>>;
  readonly subgroupMinSize: number;
  readonly subgroupMaxSize: number;
  /** Whether GPU timestamps are to be had; without them times are wall clock. */
  readonly timestamps: boolean;
}

const PLAIN_FEATURES: readonly GPUFeatureName[] = ['timestamp-query', 'subgroups'];
/** The limits that bear on attention: asked for, and told by the doctor. */
export const LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
  'maxComputeWorkgroupsPerDimension',
] as const;

/** The kinds of errors to ask for; that of memory is answered first. */
const ALL_ERRORS: readonly GPUErrorFilter[] = ['validation', 'internal', 'out-of-memory'];
const MEMORY_ERRORS: readonly GPUErrorFilter[] = ['out-of-memory'];

/** What every buffer of tensors may be used for. */
const USAGE = STORAGE | COPY_SRC | COPY_DST;

/** Bytes that are kept for later calls; a driver on the CPU has them of the whole machine's memory. */
const KEPT_BYTES = { software: 2 ** 29, hardware: 2 ** 30 };

/** Bytes of a buffer: kernels read and write by 16. */
const sizeFor = (bytes: number): number => Math.max(16, Math.ceil(bytes / 16) * 16);

/** A started device: the WebGPU device, what is known of it, and the queue that keeps calls in order. */
export class FlashDevice {
  /** Set once the device is gone; every later use rejects with it. */
  lost: FlashError | null = null;
  /** Another object after each change: what was chosen by the one before may no longer be. */
  facts: DeviceFacts;
  readonly info: DeviceInfo;
  /** The matrix units that the device lists and that kernels should use, once they are proven; null for none. */
  unit: MatrixUnit | null;
  /** Whether f32 may use them, too, by two halves: only where asked for, see kernels/flash2/float-parts.ts. */
  readonly floatUnits: boolean;
  /** Bytes of all live buffers made here. */
  bytes = 0;
  /** Buffers that nobody uses now; not counted in `bytes`. */
  readonly kept: KeptBuffers;
  /** How to reject each promise that is being waited for. */
  private readonly waiting = new Set<(error: FlashError) => void>();
  private tail: Promise<unknown> = Promise.resolve();

  private constructor(
    readonly gpu: GPUDevice,
    readonly choice: AdapterChoice | null,
    info: GPUAdapterInfo,
    private readonly owned: boolean,
  ) {
    const { limits } = gpu;
    const { subgroupMinSize: min, subgroupMaxSize: max } = info;
    const kind = choice?.kind ?? (isSoftware(info) ? 'software' : 'hardware');
    const name = info.description || info.device || info.vendor || 'unknown adapter';
    const units = choice?.matrices ?? 'auto';
    // A driver on a CPU has none: it only plays them, slowly.
    const useful = units === 'on' || (units === 'auto' && kind === 'hardware');
    this.unit = useful ? matrixUnit(info, gpu.features) : null;
    this.floatUnits = units === 'on';
    this.kept = new KeptBuffers(Math.min(KEPT_BYTES[kind], limits.maxBufferSize / 4), () => {
      this.reclaim().catch(() => undefined);
    });
    this.facts = {
      kind,
      driver: driverName(info),
      workgroupStorage: limits.maxComputeWorkgroupStorageSize,
      maxInvocations: Math.min(limits.maxComputeInvocationsPerWorkgroup, limits.maxComputeWorkgroupSizeX),
      maxWorkgroups: limits.maxComputeWorkgroupsPerDimension,
      maxBinding: limits.maxStorageBufferBindingSize,
      maxBuffer: limits.maxBufferSize,
      maxStorageBuffers: limits.maxStorageBuffersPerShaderStage,
      subgroupSize: gpu.features.has('subgroups') && min === max ? (max ?? 0) : 0,
      subgroupIds: choice?.gpu.wgslLanguageFeatures?.has('subgroup_id') ?? false,
      tuned: new Map(Object.entries(tuningStore().read(name))),
    };
    const numbers: Record<string, number> = {};
    for (const key in limits) {
      const value: unknown = limits[key as keyof GPUSupportedLimits];
      if (typeof value === 'number') numbers[key] = value;
    }
    const features = [...gpu.features].map(String).sort();
    this.info = {
      kind,
      name,
      driver: this.facts.driver,
      vendor: info.vendor,
      architecture: info.architecture,
      reason: choice?.reason ?? 'the caller handed it in',
      features,
      limits: numbers,
      subgroupMinSize: info.subgroupMinSize ?? 0,
      subgroupMaxSize: info.subgroupMaxSize ?? 0,
      timestamps: features.includes('timestamp-query'),
    };
    void gpu.lost.then(({ reason, message }) =>
      this.lose(`The GPU device was lost (${reason}): ${message || 'no message'}. The next call starts a new one.`),
    );
    observer().opened(this);
  }

  /** Starts a device on an adapter of the wanted kind, on a given adapter, or takes over a given device. */
  static async open(source: AdapterPreference | GPUAdapter | GPUDevice): Promise<FlashDevice> {
    if (typeof source === 'object' && 'queue' in source) {
      return new FlashDevice(source, null, source.adapterInfo, false);
    }
    const choice = typeof source === 'string' ? await requestAdapter(source) : null;
    const adapter = choice?.adapter ?? (source as GPUAdapter);
    const requiredLimits: Record<string, number> = {};
    for (const name of LIMITS) requiredLimits[name] = adapter.limits[name];
    const wanted = choice?.matrices === 'off' ? PLAIN_FEATURES : [...PLAIN_FEATURES, ...MATRIX_FEATURES, SIZE_FEATURE];
    const requiredFeatures = [...new Set(wanted)].filter((feature) => adapter.features.has(feature));
    const gpu = await adapter.requestDevice({ requiredFeatures, requiredLimits }).catch((cause: Error) => {
      const name = adapter.info.description || adapter.info.device;
      throw new FlashError('NO_ADAPTER', `The adapter ${name} gave no device: ${cause.message}`, { cause });
    });
    return new FlashDevice(gpu, choice, adapter.info, true);
  }

  /** Takes other tiles from the next call on; keeps them for later sessions if told to. */
  tune(tuning: Tuning, keep: boolean): void {
    this.facts = { ...this.facts, tuned: new Map(Object.entries(tuning)) };
    if (keep) tuningStore().write(this.info.name, tuning);
  }

  private lose(why: string): void {
    if (this.lost) return;
    this.lost = new FlashError('DEVICE_LOST', why);
    observer().closed(this);
    this.kept.destroy();
    for (const reject of this.waiting) reject(this.lost);
  }

  /** Rejects as soon as the device is lost, else as `promise` does. */
  async guard<T>(promise: Promise<T>): Promise<T> {
    if (this.lost) {
      promise.catch(() => undefined);
      throw this.lost;
    }
    let stop: (error: FlashError) => void = () => undefined;
    const lost = new Promise<never>((_, reject) => this.waiting.add((stop = reject)));
    try {
      return await Promise.race([promise, lost]);
    } catch (error) {
      throw this.lost ?? error;
    } finally {
      this.waiting.delete(stop);
    }
  }

  /** Runs tasks one after the other, in the order of the calls; one that fails does not stop the next. */
  enqueue<T>(task: () => Promise<T>): Promise<T> {
    const result = this.tail.then(() => {
      if (this.lost) throw this.lost;
      return task();
    });
    this.tail = result.catch(() => undefined);
    return result;
  }

  /** Runs `record`, and rejects with a FlashError if the GPU reports an error for what it recorded. */
  async checked<T>(what: string, record: () => T): Promise<T> {
    const { value, ready } = this.recorded(what, record);
    await ready;
    return value;
  }

  /** As `checked`, for those who go on before the GPU has answered; `ready` is its answer. */
  recorded<T>(
    what: string,
    record: () => T,
    filters: readonly GPUErrorFilter[] = ALL_ERRORS,
  ): { value: T; ready: Promise<void> } {
    if (this.lost) throw this.lost;
    for (const filter of filters) this.gpu.pushErrorScope(filter);
    let value: T;
    let ready: Promise<void> = Promise.resolve();
    try {
      value = record();
    } finally {
      ready = this.answered(what, Promise.all(filters.map(() => this.gpu.popErrorScope())));
      // Whoever wants to know waits for it; nobody has to.
      ready.catch(() => undefined);
    }
    return { value, ready };
  }

  private async answered(what: string, errors: Promise<(GPUError | null)[]>): Promise<void> {
    const [memory, ...others] = await this.guard(errors);
    if (memory) throw new FlashError('OUT_OF_MEMORY', `${what}: the GPU is out of memory: ${memory.message}`);
    const other = others.find((error) => error !== null);
    if (other) throw new FlashError('UNSUPPORTED', `${what}: the GPU refused it: ${other.message}`);
  }

  /**
   * A storage buffer of `bytes` (zeroed), counted in `bytes`.
   * @throws FlashError OUT_OF_MEMORY that says how much was asked for and what there is
   */
  allocate(bytes: number, label: string, usage = 0): Promise<GPUBuffer> {
    return this.withRoom(async () => {
      const { buffer, ready } = this.make(bytes, label, usage);
      try {
        await ready;
      } catch (error) {
        this.discard(buffer);
        throw error;
      }
      return buffer;
    });
  }

  /** Where there is no memory for `task`, gives back what is kept, and what aborted calls left, and tries once more. */
  async withRoom<T>(task: () => Promise<T>): Promise<T> {
    try {
      return await task();
    } catch (error) {
      if (!(error instanceof FlashError && error.code === 'OUT_OF_MEMORY')) throw error;
      this.kept.destroy();
      await this.reclaim();
      return task();
    }
  }

  /** Resolves when there is the memory of destroyed buffers again: Dawn gives it back when a submit has ended that came after. */
  async reclaim(): Promise<void> {
    this.gpu.queue.submit([]);
    await this.guard(this.gpu.queue.onSubmittedWorkDone());
  }

  /** As `allocate`, for those who go on before the GPU has answered; the buffer is to be freed whatever it answers. */
  make(bytes: number, label: string, usage = 0): { buffer: GPUBuffer; ready: Promise<void> } {
    const size = sizeFor(bytes);
    if (size > this.facts.maxBuffer) throw this.noMemory(label, size);
    const create = (): GPUBuffer => this.gpu.createBuffer({ size, usage: USAGE | usage, label });
    // Nothing else can go wrong that the first submit with it would not tell.
    const { value: buffer, ready } = this.recorded(label, create, MEMORY_ERRORS);
    const inAll = this.bytesInAll;
    this.count(buffer, label);
    const answer = ready.catch((error: unknown) => {
      this.refused(label, size, error, inAll);
    });
    answer.catch(() => undefined);
    return { buffer, ready: answer };
  }

  /** A storage buffer that an earlier call left, with what is in it, if there is one of this size and usage. */
  reuse(bytes: number, label: string, usage = 0): GPUBuffer | undefined {
    const buffer = this.kept.take(sizeFor(bytes), USAGE | usage);
    if (!buffer) return undefined;
    arrived.delete(buffer);
    this.count(buffer, label);
    return buffer;
  }

  private count(buffer: GPUBuffer, label: string): void {
    if (buffer.label !== label) buffer.label = label;
    this.bytes += buffer.size;
    observer().allocated(this, buffer);
  }

  /** Bytes of all buffers made here that there are, with those that nobody uses. */
  get bytesInAll(): number {
    return this.bytes + this.kept.bytes;
  }

  private noMemory(label: string, size: number, cause?: unknown, inAll = this.bytesInAll): FlashError {
    return new FlashError(
      'OUT_OF_MEMORY',
      `${label}: no device memory for ${size} bytes on ${this.info.name}: a buffer may have ${this.facts.maxBuffer} bytes, ` +
        `${inAll} are in use.`,
      { cause },
    );
  }

  /** Rejects with `error`; one about memory tells what was asked for. */
  private refused(label: string, size: number, error: unknown, inAll?: number): never {
    const noMemory = error instanceof FlashError && error.code === 'OUT_OF_MEMORY';
    throw noMemory ? this.noMemory(label, size, error, inAll) : error;
  }

  /** Takes back a buffer that all went well with, for the next one of its size. */
  free(buffer: GPUBuffer): void {
    this.uncount(buffer);
    if (!this.keep(buffer)) buffer.destroy();
  }

  /** Keeps a buffer that nobody uses any more, if it should be. */
  keep(buffer: GPUBuffer): boolean {
    return !this.lost && this.kept.give(buffer);
  }

  /** Takes back a buffer after an error: it may be the one that there was no memory for. */
  discard(buffer: GPUBuffer): void {
    this.uncount(buffer);
    buffer.destroy();
  }

  private uncount(buffer: GPUBuffer): void {
    this.bytes -= buffer.size;
    observer().freed(this, buffer);
  }

  /** Copies `bytes` of a buffer back to the host. */
  async read(buffer: GPUBuffer, bytes: number): Promise<ArrayBuffer> {
    const here = arrived.get(buffer);
    return here ? here.slice(0, bytes) : this.withRoom(() => this.readBack(buffer, bytes));
  }

  private async readBack(buffer: GPUBuffer, bytes: number): Promise<ArrayBuffer> {
    const size = Math.ceil(bytes / 4) * 4;
    const usage = MAP_READ | COPY_DST;
    let staging = this.kept.take(size, usage);
    let ok = false;
    try {
      const { target, mapped } = await this.checked('readback', () => {
        const target = (staging ??= this.gpu.createBuffer({ size, usage }));
        const encoder = this.gpu.createCommandEncoder();
        encoder.copyBufferToBuffer(buffer, 0, target, 0, size);
        this.gpu.queue.submit([encoder.finish()]);
        // Waited for together with the answer whether there was an error.
        const mapped = this.guard(target.mapAsync(MAP_MODE_READ));
        mapped.catch(() => undefined);
        return { target, mapped };
      }).catch((error: unknown) => this.refused('readback', size, error));
      await mapped;
      const copy = target.getMappedRange().slice(0, bytes);
      target.unmap();
      ok = true;
      return copy;
    } finally {
      if (staging && !(ok && this.keep(staging))) staging.destroy();
    }
  }

  /** Ends the device: what runs rejects with DEVICE_LOST. A device that was handed in stays its owner's. */
  end(why: string): void {
    this.lose(why);
    if (this.owned) this.gpu.destroy();
  }
}
