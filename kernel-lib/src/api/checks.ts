import { Tensor } from '../tensor/tensor';
import { describe } from './describe';
import { FlashError } from './errors';
import type { AttentionOptions } from './options';

// Checks of single arguments. Each names the argument, what was expected and what came.

export function fail(name: string, expected: string, given: unknown): never {
  throw new FlashError('INVALID_ARGUMENT', `${name}: expected ${expected}, got ${describe(given)}.`);
}

export function oneOf<T extends string>(name: string, values: readonly T[], given: unknown, fallback: T): T {
  if (given === undefined) return fallback;
  if (!values.includes(given as T)) fail(name, values.map((value) => `'${value}'`).join(' or '), given);
  return given as T;
}

export function checkBoolean(name: string, given: unknown): boolean {
  if (given === undefined) return false;
  if (typeof given !== 'boolean') fail(name, 'true or false', given);
  return given;
}

/** Refuses what is no option object and unknown names. */
export function checkNames(options: unknown, names: readonly string[]): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) fail('options', 'an object', options);
  for (const [name, value] of Object.entries(options as object)) {
    if (names.includes(name) || value === undefined) continue;
    throw new FlashError('INVALID_ARGUMENT', `${name}: no such option, expected one of ${names.join(', ')}.`);
  }
}

/** Options that steer a run, shared by forward and backward. */
export function checkRunOptions(options: Pick<AttentionOptions, 'signal' | 'onProgress'>): void {
  const { signal, onProgress } = options;
  if (
    signal !== undefined &&
    !(typeof signal?.throwIfAborted === 'function' && typeof signal.addEventListener === 'function')
  )
    fail('signal', 'an AbortSignal', signal);
  if (onProgress !== undefined && typeof onProgress !== 'function') fail('onProgress', 'a function', onProgress);
}

export function checkTensor(name: string, value: unknown, rank?: number): asserts value is Tensor {
  if (!(value instanceof Tensor)) fail(name, 'a Tensor (see flash.tensor)', value);
  if (value.disposed) {
    throw new FlashError('DISPOSED', `${name}: expected a live tensor, got one that was disposed.`);
  }
  if (rank !== undefined && value.shape.length !== rank) {
    throw new FlashError('SHAPE', `${name}: expected ${rank} axes, got shape (${value.shape.join(',')}).`);
  }
}

export function checkShape(name: string, value: Tensor, expected: readonly number[], why: string): void {
  const same = value.shape.length === expected.length && expected.every((n, axis) => n === value.shape[axis]);
  if (!same) {
    throw new FlashError(
      'SHAPE',
      `${name}: expected shape (${expected.join(',')}) ${why}, got (${value.shape.join(',')}).`,
    );
  }
}

/** Refuses a tensor of a dtype other than `dtype`. */
export function checkSameDtype(name: string, value: Tensor, dtype: string, of: string): void {
  if (value.dtype !== dtype) {
    throw new FlashError('DTYPE', `${name}: expected dtype '${dtype}', that of ${of}, got '${value.dtype}'.`);
  }
}
