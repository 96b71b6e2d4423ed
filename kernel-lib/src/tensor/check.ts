import { describe } from '../api/describe';
import { FlashError } from '../api/errors';
import { BYTES, type DType } from './dtype';
import { sizeOf } from './layout';

/**
 * The shape itself if it is one.
 * @param name the argument's name, for errors
 */
export function checkShape(shape: unknown, name = 'shape'): number[] {
  const ok = Array.isArray(shape) && shape.every((n) => Number.isInteger(n) && n >= 0);
  if (!ok) throw new FlashError('SHAPE', `${name}: expected an array of whole numbers >= 0, got ${describe(shape)}.`);
  const size = sizeOf(shape as number[]);
  if (size > 2 ** 31) throw new FlashError('SHAPE', `${name}: expected at most 2^31 elements, got ${describe(shape)}.`);
  return shape as number[];
}

/** The dtype itself if it is one of `allowed`, 'f32' if there is none. */
export function checkDtype<T extends DType = DType>(
  dtype: unknown,
  allowed: readonly T[] = Object.keys(BYTES) as T[],
  name = 'dtype',
): T | 'f32' {
  if (dtype === undefined) return 'f32';
  if (allowed.includes(dtype as T)) return dtype as T;
  const names = allowed.map((name) => `'${name}'`).join(' or ');
  throw new FlashError('DTYPE', `${name}: expected ${names}, got ${describe(dtype)}.`);
}

/** Runs what allocates host memory for `dims`; the engine's own error for too much of it becomes ours. */
export function onHost<T>(dims: readonly number[], allocate: () => T): T {
  try {
    return allocate();
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new FlashError('OUT_OF_MEMORY', `shape: no host memory for (${dims.join(',')}): ${cause.message}.`, {
      cause,
    });
  }
}
