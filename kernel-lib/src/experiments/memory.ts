import { checkNames, fail, oneOf } from '../api/checks';
import { NO_FEATURES, type Problem } from '../api/problem';
import { MAX_HEAD_SIZE } from '../api/validate';
import type { DeviceFacts } from '../device/device';
import type { Plan } from '../device/plan';
import { flash2Forward } from '../kernels/flash2/plan';
import { naiveForward } from '../kernels/naive/plan';
import type { Figure } from '../plots/figure';
import { BYTES, type FloatDType } from '../tensor/dtype';
import { sizeOf } from '../tensor/layout';
import { FigureReport } from '../plots/figure-report';
import { memoryFigure, memoryHtml, memoryText } from './memory-view';
import { halvings, wholeNumber } from './size-options';

/** Options of `flash.memory`. */
export interface MemoryOptions {
  /** B. Default 1. */
  batch?: number;
  /** H. */
  heads: number;
  /** N, of queries and of keys. */
  seq: number;
  /** D, of queries, keys and values, up to 256. */
  dim: number;
  /** Default 'f32'. */
  dtype?: FloatDType;
}

/** Memory of forward attention at one length, in bytes. */
export interface MemoryBytes {
  /** The usual formula of standard attention, B*H*N^2*b: its score matrix alone. */
  readonly standardBytes: number;
  /** The usual formula of FlashAttention, 3*B*H*N*D*b: q, k and v alone. */
  readonly flashBytes: number;
  /**
   * All that a forward call of this library holds on the device: q, k, v, out and lse, for `naive` also its score matrix, which
   * is float32 whatever the dtype. Counted from what the library's plans allocate; `info.deviceBytes` of such a call is this.
   */
  readonly measured: { readonly flash2: number; readonly naive: number };
}

/** What `flash.memory` computed. */
export class MemoryReport extends FigureReport implements MemoryBytes {
  readonly batch: number;
  readonly heads: number;
  readonly seq: number;
  readonly dim: number;
  readonly dtype: FloatDType;
  readonly standardBytes: number;
  readonly flashBytes: number;
  /** The part of standardBytes that FlashAttention saves, 1 - flashBytes / standardBytes; below 0 where it takes more. */
  readonly savings: number;
  readonly measured: MemoryBytes['measured'];
  /** The same at `seq`, its half, and so on, shortest first. */
  readonly sweep: readonly (MemoryBytes & { readonly seq: number })[];
  /** Memory against sequence length. */
  readonly figure: Figure;

  /** @internal use memory() */
  constructor(sizes: MemorySizes) {
    super();
    this.batch = sizes.batch;
    this.heads = sizes.heads;
    this.seq = sizes.seq;
    this.dim = sizes.dim;
    this.dtype = sizes.dtype;
    this.sweep = halvings(sizes.seq).map((seq) => ({ seq, ...bytesAt({ ...sizes, seq }) }));
    const { standardBytes, flashBytes, measured } = this.sweep[this.sweep.length - 1];
    this.standardBytes = standardBytes;
    this.flashBytes = flashBytes;
    this.savings = 1 - flashBytes / standardBytes;
    this.measured = measured;
    this.figure = memoryFigure(this);
  }

  protected text(): string {
    return memoryText(this);
  }

  protected html(): string {
    return memoryHtml(this);
  }
}

type MemorySizes = Required<MemoryOptions>;

/**
 * Device memory of forward attention: the formulas that are usually given, which leave out O and lse (and, for standard
 * attention, q, k and v), and beside them all that this library really allocates. Nothing runs.
 *
 * @throws FlashError INVALID_ARGUMENT
 * @example
 * flash.memory({ heads: 32, seq: 4096, dim: 128, dtype: 'f16' }) // 1 GiB and 96 MiB
 */
export function memory(options: MemoryOptions): MemoryReport {
  checkNames(options, ['batch', 'heads', 'seq', 'dim', 'dtype']);
  return new MemoryReport({ ...headSizes(options), seq: wholeNumber('seq', options.seq, NaN, 2 ** 24) });
}

/** Options of `flash.maxSeqLen`. */
export interface MaxSeqLenOptions extends Omit<MemoryOptions, 'seq'> {
  /** Bytes of the device's memory. */
  memoryBytes: number;
  /** The part of it that is kept free for weights, activations and the rest, 0 <= reserve < 1. Default 0.2. */
  reserve?: number;
  /** Whose formula must fit: 'flash' (the default) or 'standard'. */
  attention?: 'flash' | 'standard';
}

/**
 * The longest sequence whose attention fits a memory, by the usual formulas (see `MemoryBytes`): the largest N with
 * 3*B*H*N*D*b, or B*H*N^2*b for standard attention, of at most (1 - reserve) * memoryBytes.
 *
 * @throws FlashError INVALID_ARGUMENT
 * @example
 * flash.maxSeqLen({ memoryBytes: 80 * 2 ** 30, heads: 32, dim: 128, dtype: 'f16' }) // 2796202
 */
export function maxSeqLen(options: MaxSeqLenOptions): number {
  checkNames(options, ['memoryBytes', 'batch', 'heads', 'dim', 'dtype', 'reserve', 'attention']);
  const { memoryBytes, reserve = 0.2 } = options;
  if (typeof memoryBytes !== 'number' || !(memoryBytes >= 0 && memoryBytes < Infinity)) {
    fail('memoryBytes', 'a number of bytes', memoryBytes);
  }
  if (typeof reserve !== 'number' || !(reserve >= 0 && reserve < 1))
    fail('reserve', 'a number, 0 <= reserve < 1', reserve);
  const attention = oneOf('attention', ['flash', 'standard'], options.attention, 'flash');
  const sizes = headSizes(options);
  const affordable = (1 - reserve) * memoryBytes;
  const one = formulas({ ...sizes, seq: 1 });
  return Math.floor(attention === 'flash' ? affordable / one.flashBytes : Math.sqrt(affordable / one.standardBytes));
}

function headSizes(options: Omit<MemoryOptions, 'seq'>): Omit<MemorySizes, 'seq'> {
  return {
    batch: wholeNumber('batch', options.batch, 1, 2 ** 16),
    heads: wholeNumber('heads', options.heads, NaN, 2 ** 16),
    dim: wholeNumber('dim', options.dim, NaN, MAX_HEAD_SIZE),
    dtype: oneOf('dtype', ['f32', 'f16'], options.dtype, 'f32'),
  };
}

function formulas({ batch, heads, seq, dim, dtype }: MemorySizes): Omit<MemoryBytes, 'measured'> {
  return {
    standardBytes: batch * heads * seq * seq * BYTES[dtype],
    flashBytes: 3 * batch * heads * seq * dim * BYTES[dtype],
  };
}

function bytesAt(sizes: MemorySizes): MemoryBytes {
  const { batch: B, heads: H, seq: N, dim: D, dtype } = sizes;
  const problem: Problem = {
    ...NO_FEATURES,
    ...{ B, H, Hk: H, Nq: N, Nk: N, D, Dv: D },
    ...{ scale: 1 / Math.sqrt(D), layout: 'bhnd', packing: 'none', dtype },
  };
  const input = BYTES[dtype] * sizeOf([B, H, N, D]);
  const held = (plan: Plan): number => deviceBytes(plan, [input, input, input]);
  return {
    ...formulas(sizes),
    measured: {
      flash2: held(flash2Forward(problem, ANY_DEVICE, null)),
      naive: held(naiveForward(problem, ANY_DEVICE)),
    },
  };
}

/** A device that holds everything: what a forward pass allocates depends on no device, but for what does not fit it. */
const ANY_DEVICE: DeviceFacts = {
  ...{ kind: 'hardware', driver: 'any', workgroupStorage: 2 ** 20, maxInvocations: 256, maxWorkgroups: 65535 },
  ...{ maxBinding: Infinity, maxBuffer: Infinity, maxStorageBuffers: 16, subgroupSize: 0 },
};

/** Bytes of all buffers of a plan, each rounded up as the device allocates it. */
function deviceBytes({ outputs, scratch, uploads = {} }: Plan, inputs: readonly number[]): number {
  const words = Object.values(uploads).map((data) => data.byteLength);
  const buffers = [...inputs, ...Object.values(outputs), ...Object.values(scratch), ...words];
  return buffers.reduce((sum, bytes) => sum + Math.max(16, Math.ceil(bytes / 16) * 16), 0);
}
