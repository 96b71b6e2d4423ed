import type { Layout } from '../api/problem';

/** Number of elements of a shape. */
export const sizeOf = (shape: readonly number[]): number => shape.reduce((product, n) => product * n, 1);

/** Distances in elements between neighbours along an axis. */
export interface Strides {
  readonly batch: number;
  readonly head: number;
  readonly row: number;
}

/** Strides of a contiguous tensor of `heads` heads and N rows of `width`, in the given order of axes. */
export function strides(layout: Layout, heads: number, N: number, width: number): Strides {
  return layout === 'bhnd'
    ? { batch: heads * N * width, head: N * width, row: width }
    : { batch: N * heads * width, head: width, row: heads * width };
}

/** Shape of such a tensor. */
export const shapeOf = (layout: Layout, B: number, heads: number, N: number, width: number): number[] =>
  layout === 'bhnd' ? [B, heads, N, width] : [B, N, heads, width];

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

/** The coordinates of a flat index. */
export function coordinates(index: number, shape: readonly number[]): number[] {
  const at: number[] = [];
  let rest = index;
  for (const size of [...shape].reverse()) {
    at.unshift(rest % size);
    rest = Math.floor(rest / size);
  }
  return at;
}
