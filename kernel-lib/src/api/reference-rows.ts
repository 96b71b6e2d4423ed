import { viewOf } from '../kernels/operands';
import type { Problem } from './problem';

/** Operands whose order the layout, packing and sequences of a problem decide. */
export type RowOperand = 'q' | 'k' | 'v' | 'out';

/** Calls `visit` for each row of an operand with its offset in the reference's order and in its tensor. */
function eachRow(p: Problem, name: RowOperand, visit: (at: number, stored: number, width: number) => void): void {
  const { batch, head, row, offset, rows, width, heads } = viewOf(p, name);
  const count = p[heads];
  for (let b = 0; b < (p.sequences ? 1 : p.B); b++) {
    for (let h = 0; h < count; h++) {
      for (let n = 0; n < rows; n++) {
        const at = p.sequences ? n * count + h : (b * count + h) * rows + n;
        visit(at * width, offset + b * batch + h * head + n * row, width);
      }
    }
  }
}

/** The numbers of an operand in the reference's order (see reference/place.ts), out of those of its tensor. */
export function readRows(p: Problem, name: RowOperand, stored: Float32Array): Float32Array {
  const { heads, rows, width } = viewOf(p, name);
  const result = new Float32Array((p.sequences ? 1 : p.B) * p[heads] * rows * width);
  eachRow(p, name, (at, from) => result.set(stored.subarray(from, from + width), at));
  return result;
}

/** The reverse: writes rows in the reference's order to their places in the numbers of the tensor. */
export function writeRows(p: Problem, name: RowOperand, stored: Float64Array, numbers: Float64Array): void {
  eachRow(p, name, (at, to, width) => stored.set(numbers.subarray(at, at + width), to));
}
