import { exchangeAxes } from '../tensor/layout';
import { tensor, type Tensor } from '../tensor/tensor';
import { caseShapes, operandShape, type CaseRows, type CheckCase } from './case';
import type { Output } from './case-truth';

/** Operands that share a tensor. */
export type Parts = readonly CaseRows[];

/** How outputs lie: as the rows of an operand, or in a shape of their own. */
export const ROWS_OF = { out: 'out', dq: 'q', dk: 'k', dv: 'v' } as const satisfies Partial<Record<Output, CaseRows>>;

/** Shape of an output in the reference's order. */
export function outputShape(c: CheckCase, output: Output): number[] {
  if (output === 'dbias') return operandShape(c, c.bias!);
  return caseShapes(c)[output === 'lse' ? 'lse' : ROWS_OF[output]];
}

/** Whether tensors lie in the reference's order, (B,heads,N,width) or (total,heads,width), and not as (B,N,heads,width). */
const inOrder = ({ lengths, layout, packing }: CheckCase): boolean =>
  lengths !== null || (layout === 'bhnd' && packing === 'none');

/** The shape in which the case hands over operands: one, or several side by side in (B,N,parts,heads,width). */
function tensorShape(c: CheckCase, parts: Parts): number[] {
  const shape = caseShapes(c)[parts[0]];
  if (inOrder(c)) return shape;
  const [B, heads, N, width] = shape;
  return parts.length === 1 ? [B, N, heads, width] : [B, N, parts.length, heads, width];
}

/** The tensor of operands whose numbers are in the reference's order. */
export function rowsToTensor(c: CheckCase, parts: Parts, numbers: readonly Float32Array[]): Tensor {
  const shape = tensorShape(c, parts);
  const ordered = parts.map((part, t) => exchange(c, part, numbers[t], 'store'));
  return tensor(parts.length === 1 ? ordered[0] : interleave(c, parts[0], ordered), shape, { dtype: c.dtype });
}

/** The numbers of one of the operands of a tensor, in the reference's order. A tensor of another kind than it should be throws. */
export async function tensorToRows(c: CheckCase, parts: Parts, part: number, t: Tensor): Promise<Float32Array> {
  checkKind(t, tensorShape(c, parts), c.dtype);
  const all = await t.data();
  const own =
    parts.length === 1 ? all : all.filter((_, at) => Math.floor(at / tokenWidth(c, parts[0])) % parts.length === part);
  return exchange(c, parts[part], own, 'read');
}

/** A result of another shape or dtype is as wrong as one of other numbers. */
export function checkKind(t: Tensor, shape: readonly number[], dtype: string): void {
  if (t.dtype === dtype && t.shape.join() === shape.join()) return;
  throw new Error(`expected a result ${dtype} (${shape.join(',')}), got ${String(t)}.`);
}

/** All heads of one query or key. */
function tokenWidth(c: CheckCase, operand: CaseRows): number {
  const [, heads, , width] = caseShapes(c)[operand];
  return heads * width;
}

function exchange(c: CheckCase, operand: CaseRows, numbers: Float32Array, way: 'store' | 'read'): Float32Array {
  if (inOrder(c)) return numbers;
  const [B, heads, N, width] = caseShapes(c)[operand];
  return way === 'store' ? exchangeAxes(numbers, B, heads, N, width) : exchangeAxes(numbers, B, N, heads, width);
}

/** Operands of (B,N,heads,width) side by side in each row. */
function interleave(c: CheckCase, operand: CaseRows, numbers: readonly Float32Array[]): Float32Array {
  const width = tokenWidth(c, operand);
  const result = new Float32Array(numbers[0].length * numbers.length);
  numbers.forEach((own, part) => {
    for (let at = 0; at < own.length; at += width) {
      result.set(own.subarray(at, at + width), at * numbers.length + part * width);
    }
  });
  return result;
}
