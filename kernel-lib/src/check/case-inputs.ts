import { roundToFloat16 } from '../reference';
import { sizeOf } from '../tensor/layout';
import { normals } from '../tensor/random';
import type { DType } from '../tensor/dtype';
import { caseShapes, operandShape, type CaseOperand, type CheckCase } from './case';

/**
 * The numbers of a case as its dtypes hold them; q, k, v and the gradient of out in the reference's order whatever the case's
 * layout says, bias and mask in their own shapes.
 */
export interface CaseInputs {
  readonly q: Float32Array;
  readonly k: Float32Array;
  readonly v: Float32Array;
  readonly dout: Float32Array;
  readonly bias?: Float32Array;
  readonly mask?: Float32Array;
}

/** A number of each dtype below its normal range. */
const SUBNORMAL = { f32: 1e-39, f16: 1e-5 };
/** How many times its first row is added to every row. */
const SHIFTS = { k: 2, v: 4 };

/** Normal numbers by the case's seed, and what the case makes of them. */
export function caseInputs(c: CheckCase): CaseInputs {
  const shapes = caseShapes(c);
  // Streams of one seed; neighbouring seeds of a case share none of them.
  const draw = (count: number, stream: number): Float32Array => normals((c.seed * 8 + stream) % 2 ** 32, count);
  const rows = (shape: readonly number[], stream: number, times = 1, shift = 0): Float32Array => {
    const numbers = draw(sizeOf(shape), stream);
    const width = shape[shape.length - 1];
    const factor = c.values === 'subnormal' ? SUBNORMAL[c.dtype] : times;
    // All queries, and all keys, are like the first one; values still differ.
    const same = c.values === 'equal' && stream < 2;
    const by = c.values === 'shifted' ? shift : 0;
    return numbers.map((_, t) => stored(factor * (numbers[same ? t % width : t] + by * numbers[t % width]), c.dtype));
  };
  return {
    q: rows(shapes.q, 0, c.times),
    k: rows(shapes.k, 1, c.times, SHIFTS.k),
    v: rows(shapes.v, 2, 1, SHIFTS.v),
    dout: rows(shapes.out, 3),
    ...(c.bias ? { bias: drawBias(c, c.bias, draw) } : {}),
    ...(c.mask ? { mask: drawMask(c, c.mask, draw) } : {}),
  };
}

const stored = (x: number, dtype: DType): number => (dtype === 'f16' ? roundToFloat16(x) : x);

type Draw = (count: number, stream: number) => Float32Array;

function drawBias(c: CheckCase, operand: CaseOperand, draw: Draw): Float32Array {
  const shape = operandShape(c, operand);
  const forbidden = operand.forbids ? forbiddenOf(shape, draw) : null;
  return draw(sizeOf(shape), 4).map((x, t) => (forbidden?.[t] ? -Infinity : stored(x, operand.dtype)));
}

// Numbers whose lowest byte, or sign, may pass for a zero.
const ALLOWING: Record<DType, readonly number[]> = {
  ...{ f32: [1, -1, 0.5, -256], f16: [1, -1, 0.5, -256] },
  ...{ bool: [1], i8: [1, -1, -128, 64] },
};

function drawMask(c: CheckCase, operand: CaseOperand, draw: Draw): Float32Array {
  const shape = operandShape(c, operand);
  const allowing = ALLOWING[operand.dtype];
  const forbidden = forbiddenOf(shape, draw, operand.forbids);
  const zero = operand.dtype === 'f32' || operand.dtype === 'f16' ? -0 : 0;
  return draw(sizeOf(shape), 6).map((x, t) =>
    forbidden[t] ? zero : allowing[Math.floor(Math.abs(x) * 8) % allowing.length],
  );
}

/** Which entries forbid: about a quarter, and with `whole` about one row in six. */
function forbiddenOf(shape: readonly number[], draw: Draw, whole = true): Uint8Array {
  const width = shape[shape.length - 1];
  const size = sizeOf(shape);
  const rows = draw(size / Math.max(1, width), 7);
  return Uint8Array.from(draw(size, 5), (x, t) => (x < -0.67 || (whole && rows[Math.floor(t / width)] < -1) ? 1 : 0));
}
