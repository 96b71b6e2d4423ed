export { shapeOf as shapeIn } from '../tensor/layout';

/** The same numbers with the two middle axes of (B,first,second,width) exchanged: 'bhnd' to 'bnhd' and back. */
export function exchangeAxes(x: Float32Array, B: number, first: number, second: number, width: number): Float32Array {
  const result = new Float32Array(x.length);
  for (let b = 0; b < B; b++) {
    for (let m = 0; m < first; m++) {
      for (let n = 0; n < second; n++) {
        const from = ((b * first + m) * second + n) * width;
        result.set(x.subarray(from, from + width), ((b * second + n) * first + m) * width);
      }
    }
  }
  return result;
}
