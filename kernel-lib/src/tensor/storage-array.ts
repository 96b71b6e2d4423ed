import { describe } from '../api/describe';
import { FlashError } from '../api/errors';
import type { DType } from './dtype';
import { fromFloat16Bits, toFloat16Bits } from './float16';

/** The elements of a tensor as they are stored: 'f32' numbers, 'f16' bits, 'bool' 0 or 1, 'i8' numbers. */
export type StorageArray = Float32Array | Uint16Array | Uint8Array | Int8Array;

/** An array of `size` zeros of a dtype. */
export function zeroStorage(size: number, dtype: DType): StorageArray {
  switch (dtype) {
    case 'f32':
      return new Float32Array(size);
    case 'f16':
      return new Uint16Array(size);
    case 'bool':
      return new Uint8Array(size);
    case 'i8':
      return new Int8Array(size);
  }
}

/** The bytes of a tensor, as an array of its dtype over the same memory. */
export function viewStorage(bytes: ArrayBuffer, dtype: DType): StorageArray {
  switch (dtype) {
    case 'f32':
      return new Float32Array(bytes);
    case 'f16':
      return new Uint16Array(bytes);
    case 'bool':
      return new Uint8Array(bytes);
    case 'i8':
      return new Int8Array(bytes);
  }
}

/**
 * A new array with the numbers stored as `dtype`: 'f32' and 'f16' rounded to nearest, 'bool' 1 for what is not 0.
 * @param name the argument's name, for errors
 * @throws FlashError INVALID_ARGUMENT for a number that 'i8' cannot hold
 */
export function toStorage(numbers: ArrayLike<number>, dtype: DType, name: string): StorageArray {
  switch (dtype) {
    case 'f32':
      return Float32Array.from(numbers);
    case 'f16':
      return toFloat16Bits(numbers);
    case 'bool': {
      const storage = new Uint8Array(numbers.length);
      for (let i = 0; i < storage.length; i++) storage[i] = Number(numbers[i]) === 0 ? 0 : 1;
      return storage;
    }
    case 'i8': {
      const storage = new Int8Array(numbers.length);
      for (let i = 0; i < storage.length; i++) {
        storage[i] = numbers[i];
        if (storage[i] === numbers[i]) continue;
        throw new FlashError(
          'INVALID_ARGUMENT',
          `${name}[${i}]: expected a whole number from -128 to 127 for dtype 'i8', got ${describe(numbers[i])}.`,
        );
      }
      return storage;
    }
  }
}

/** The numbers of a storage array: itself for 'f32', else a new array. */
export function toNumbers(storage: StorageArray): Float32Array {
  if (storage instanceof Float32Array) return storage;
  return storage instanceof Uint16Array ? fromFloat16Bits(storage) : Float32Array.from(storage);
}
