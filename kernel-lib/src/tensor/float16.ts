import { Float16Array, getFloat16 } from '@petamoriken/float16';

/** The float16 bits of each number, rounded to nearest, ties to even; what is too large becomes Infinity. */
export const toFloat16Bits = (numbers: ArrayLike<number>): Uint16Array =>
  // The array itself is a proxy and slow to index, but its constructor is a plain loop and its buffer holds the bits.
  new Uint16Array(new Float16Array(numbers).buffer);

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
