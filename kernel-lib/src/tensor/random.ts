import { describe } from '../api/describe';
import { FlashError } from '../api/errors';
import { checkDtype, checkShape, onHost } from './check';
import type { FloatDType } from './dtype';
import { sizeOf } from './layout';
import { toStorage } from './storage-array';
import { Tensor } from './tensor';

export interface RandnOptions {
  /** 'f16' are the numbers of 'f32', rounded. Default 'f32'. */
  dtype?: FloatDType;
  /** Whole number 0 .. 2^32-1; without one, drawn. The same seed and shape give the same numbers everywhere. */
  seed?: number;
}

/** Seeds are the whole numbers that fit 32 bits. */
export function checkSeed(seed: unknown): number | undefined {
  if (seed === undefined) return undefined;
  if (Number.isInteger(seed) && (seed as number) >= 0 && (seed as number) < 2 ** 32) return seed as number;
  throw new FlashError('INVALID_ARGUMENT', `seed: expected a whole number from 0 to 2^32-1, got ${describe(seed)}.`);
}

/**
 * The sfc32 generator of Chris Doty-Humphrey (PractRand): 128 bits of state, the fourth word a counter.
 * @returns a function that gives whole numbers 0 .. 2^32-1
 */
function sfc32(seed: number): () => number {
  let a = seed;
  let b = seed ^ 0x9e3779b9;
  let c = 0x243f6a88;
  let counter = 1;
  const next = (): number => {
    const sum = (a + b + counter++) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + sum) | 0;
    return sum >>> 0;
  };
  // The first outputs still show how the seed was laid out.
  for (let i = 0; i < 15; i++) next();
  return next;
}

/** `count` numbers, 0 <= x < 1, evenly spread, always the same for a seed. */
export function uniforms(seed: number, count: number): Float64Array {
  const next = sfc32(seed);
  return Float64Array.from({ length: count }, () => next() / 2 ** 32);
}

/** `count` numbers from the standard normal distribution (Box and Muller 1958), always the same for a seed. */
export function normals(seed: number, count: number): Float32Array {
  const next = sfc32(seed);
  const data = new Float32Array(count);
  for (let i = 0; i < data.length; i += 2) {
    // Half a step above 0, so that the logarithm is finite.
    const radius = Math.sqrt(-2 * Math.log((next() + 0.5) / 2 ** 32));
    const angle = (2 * Math.PI * next()) / 2 ** 32;
    data[i] = radius * Math.cos(angle);
    if (i + 1 < data.length) data[i + 1] = radius * Math.sin(angle);
  }
  return data;
}

/**
 * A tensor of numbers from the standard normal distribution.
 * @throws FlashError SHAPE, DTYPE, INVALID_ARGUMENT (seed), OUT_OF_MEMORY
 */
export function randn(shape: readonly number[], options: RandnOptions = {}): Tensor {
  const dims = checkShape(shape);
  const dtype = checkDtype(options?.dtype, ['f32', 'f16']);
  const seed = checkSeed(options?.seed) ?? Math.floor(Math.random() * 2 ** 32);
  const data = onHost(dims, () => normals(seed, sizeOf(dims)));
  return new Tensor(dims, dtype, dtype === 'f32' ? data : onHost(dims, () => toStorage(data, dtype, 'data')));
}
