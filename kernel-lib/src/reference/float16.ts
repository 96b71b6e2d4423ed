const word = new Float32Array(1);
const bits = new Uint32Array(word.buffer);

/**
 * By a float32's exponent bits: 1.5 * 2^52 units in the last place of a float16 of that size. Adding such a number to a
 * float64 pushes everything below the unit out of its 53 bits, with ties to even; subtracting it leaves the rounded number.
 * Below 2^-14 float16 numbers are evenly spaced (subnormal).
 */
const pushOut = Float64Array.from(
  { length: 256 },
  (_, exponent) => 1.5 * 2 ** (52 - 10 + Math.max(exponent - 127, -14)),
);

/** The float16 number nearest to x, ties to even; what is 65520 or more becomes infinite. */
export function roundToFloat16(x: number): number {
  word[0] = x;
  const big = pushOut[(bits[0] >>> 23) & 255];
  const rounded = x + big - big;
  return Math.abs(rounded) > 65504 ? rounded * Infinity : rounded;
}
