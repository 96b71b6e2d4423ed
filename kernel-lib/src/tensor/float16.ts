import { Float16Array, getFloat16 } from '@petamoriken/float16';

/** The float16 bits of each number, rounded to nearest, ties to even; what is too large becomes Infinity. */
export const toFloat16Bits = (numbers: ArrayLike<number>): Uint16Array =>
  numbers instanceof Float32Array
    ? bitsOfFloats(numbers)
    : // The array itself is a proxy and slow to index, but its constructor is a plain loop and its buffer holds the bits.
      new Uint16Array(new Float16Array(numbers).buffer);

const INFINITY_F32 = 0x7f800000;
/** 65536, past the largest half even if that rounds up, and 2^-14, the smallest that is not subnormal. */
const TOO_LARGE = 0x47800000;
const NORMAL = 0x38800000;
/** A float's last bit is then worth as much as a subnormal half's, so that adding this rounds. */
const ROUNDER = 0.5;
const ROUNDER_BITS = 0x3f000000;
/** What the exponents of the two formats differ by, and just less than half of the bits that are cut off. */
const TO_HALF = ((15 - 127) << 23) + 0xfff;

/** The same for floats, on their bits: a twentieth of the library's time, which all data of f16 tensors goes through. */
function bitsOfFloats(floats: Float32Array): Uint16Array {
  const bits = new Uint16Array(floats.length);
  const words = new Uint32Array(floats.buffer, floats.byteOffset, floats.length);
  const sum = new Float32Array(1);
  const sumBits = new Uint32Array(sum.buffer);
  for (let i = 0; i < bits.length; i++) {
    const size = words[i] & 0x7fffffff;
    let half: number;
    if (size >= TOO_LARGE) half = size > INFINITY_F32 ? 0x7e00 : 0x7c00;
    else if (size >= NORMAL) half = (size + TO_HALF + ((size >>> 13) & 1)) >>> 13;
    else {
      sum[0] = Math.abs(floats[i]) + ROUNDER;
      half = sumBits[0] - ROUNDER_BITS;
    }
    bits[i] = half | ((words[i] >>> 16) & 0x8000);
  }
  return bits;
}

let table: Float32Array | undefined;

/** What each of the 65536 bit patterns stands for: looking it up takes a hundredth of the time of working it out. */
function valuesOfBits(): Float32Array {
  if (table) return table;
  table = new Float32Array(2 ** 16);
  const view = new DataView(new ArrayBuffer(2));
  for (let bits = 0; bits < table.length; bits++) {
    view.setUint16(0, bits);
    table[bits] = getFloat16(view, 0);
  }
  return table;
}

/** The numbers that float16 bits stand for: exact, subnormal numbers, infinities and NaN too. */
export function fromFloat16Bits(bits: Uint16Array): Float32Array {
  const values = valuesOfBits();
  const numbers = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) numbers[i] = values[bits[i]];
  return numbers;
}
