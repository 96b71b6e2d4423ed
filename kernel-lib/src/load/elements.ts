import type { DType } from '../tensor/dtype';
import { type StorageArray, toStorage } from '../tensor/storage-array';
import { badFile } from './source';

/** Bytes of an element of each type that files have, little-endian. */
export const ELEMENT_BYTES = {
  ...{ bool: 1, i8: 1, u8: 1, i16: 2, u16: 2, i32: 4, u32: 4, i64: 8, u64: 8 },
  ...{ f16: 2, bf16: 2, f32: 4, f64: 8 },
} as const;

export type ElementType = keyof typeof ELEMENT_BYTES;

/** What becomes a tensor. */
export interface Elements {
  readonly dtype: DType;
  readonly storage: StorageArray;
}

/**
 * The elements of a file as a tensor stores them: 'f32', 'f16', 'bool' and 'i8' as they are, all others as 'f32'. A float64
 * is rounded; whole numbers that float32 does not have are refused.
 * @param bytes little-endian; may become part of the result
 * @param name of the file and the array in it, for errors
 */
export function toElements(bytes: ArrayBuffer, type: ElementType, name: string): Elements {
  switch (type) {
    case 'f32':
      return { dtype: 'f32', storage: new Float32Array(bytes) };
    case 'f16':
      return { dtype: 'f16', storage: new Uint16Array(bytes) };
    case 'bool':
      return { dtype: 'bool', storage: toStorage(new Uint8Array(bytes), 'bool', name) };
    case 'i8':
      return { dtype: 'i8', storage: new Int8Array(bytes) };
    case 'bf16':
      return { dtype: 'f32', storage: fromBfloat16(new Uint16Array(bytes)) };
    case 'f64':
      return { dtype: 'f32', storage: fromFloat64(new Float64Array(bytes), name) };
    case 'u8':
      return { dtype: 'f32', storage: Float32Array.from(new Uint8Array(bytes)) };
    case 'i16':
      return { dtype: 'f32', storage: Float32Array.from(new Int16Array(bytes)) };
    case 'u16':
      return { dtype: 'f32', storage: Float32Array.from(new Uint16Array(bytes)) };
    case 'i32':
      return { dtype: 'f32', storage: fromWhole(new Int32Array(bytes), name) };
    case 'u32':
      return { dtype: 'f32', storage: fromWhole(new Uint32Array(bytes), name) };
    case 'i64':
      return { dtype: 'f32', storage: fromWhole(new BigInt64Array(bytes), name) };
    case 'u64':
      return { dtype: 'f32', storage: fromWhole(new BigUint64Array(bytes), name) };
  }
}

/** A bfloat16 is the upper half of a float32. */
function fromBfloat16(bits: Uint16Array): Float32Array {
  const words = new Uint32Array(bits.length);
  for (let i = 0; i < words.length; i++) words[i] = bits[i] << 16;
  return new Float32Array(words.buffer);
}

function fromFloat64(numbers: Float64Array, name: string): Float32Array {
  const storage = Float32Array.from(numbers);
  const odd = storage.findIndex((value, i) => !Number.isFinite(value) && Number.isFinite(numbers[i]));
  if (odd < 0) return storage;
  throw badFile(name, `expected float64 numbers within the range of float32, got ${numbers[odd]} at index ${odd}`);
}

function fromWhole(numbers: Int32Array | Uint32Array | BigInt64Array | BigUint64Array, name: string): Float32Array {
  const storage = new Float32Array(numbers.length);
  for (let i = 0; i < storage.length; i++) {
    const given = numbers[i];
    storage[i] = Number(given);
    const same = typeof given === 'bigint' ? BigInt(storage[i]) === given : storage[i] === given;
    if (same) continue;
    throw badFile(name, `expected whole numbers that float32 holds exactly, got ${given} at index ${i}`);
  }
  return storage;
}

/** Reverses the bytes of each element in place. */
export function swapBytes(buffer: ArrayBuffer, elementBytes: number): void {
  const bytes = new Uint8Array(buffer);
  for (let begin = 0; begin < bytes.length; begin += elementBytes) {
    for (let low = begin, high = begin + elementBytes - 1; low < high; low++, high--) {
      const byte = bytes[low];
      bytes[low] = bytes[high];
      bytes[high] = byte;
    }
  }
}
