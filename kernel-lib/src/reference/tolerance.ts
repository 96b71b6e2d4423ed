import { FlashError } from '../api/errors';

/** What decides how far a result may be from the truth. */
export interface ErrorBudget {
  /** The truth, in float64. */
  reference: ArrayLike<number>;
  /** The plain formula in the dtype's own arithmetic, on the same input. */
  yardstick: ArrayLike<number>;
  /** 'forward' for out and lse, 'gradient' for dq, dk, dv and dbias. */
  kind: 'forward' | 'gradient';
  /** The largest |s| of all finite scores before softmax. */
  maxAbsScore: number;
  dtype: 'f32' | 'f16';
}

const yardstickFactor = { forward: 2, gradient: 3 };
const roundingUnits = { f32: 2e-6, f16: 2e-3 };

/**
 * The largest |actual - reference| that still counts as right:
 * max(F * max|yardstick - reference|, (e + 2^-22 * max|s|) * (1 + max|reference|)), with F = 2 for out and lse and 3 for
 * gradients, e = 2e-6 for f32 and 2e-3 for f16. A yardstick that is not finite where the reference is says nothing about
 * how large an error may be; the whole of it is then left out.
 */
export function allowedError({ reference, yardstick, kind, maxAbsScore, dtype }: ErrorBudget): number {
  requireSameLength('yardstick', yardstick, reference);
  let yardstickError = 0;
  let magnitude = 0;
  for (let t = 0; t < reference.length; t++) {
    const truth = reference[t];
    // Equal infinities are the lse of an empty row.
    if (yardstick[t] !== truth) yardstickError = Math.max(yardstickError, Math.abs(yardstick[t] - truth));
    if (Number.isFinite(truth)) magnitude = Math.max(magnitude, Math.abs(truth));
  }
  const floor = (roundingUnits[dtype] + 2 ** -22 * maxAbsScore) * (1 + magnitude);
  return Number.isFinite(yardstickError) ? Math.max(yardstickFactor[kind] * yardstickError, floor) : floor;
}

export interface Comparison {
  /** The largest |actual - reference|; Infinity where actual is NaN or infinite and the reference is not the same. */
  error: number;
  allowed: number;
  ok: boolean;
  /** Index of the entry with that error; 0 where all entries are equal. */
  worst: number;
}

/** Compares entry by entry. NaN always fails; an infinity passes only where the reference is the same infinity (lse of an empty row). */
export function compare(actual: ArrayLike<number>, reference: ArrayLike<number>, allowed: number): Comparison {
  requireSameLength('actual', actual, reference);
  let error = 0;
  let worst = 0;
  for (let t = 0; t < reference.length; t++) {
    if (actual[t] === reference[t]) continue;
    const difference = Math.abs(actual[t] - reference[t]);
    // NaN is not >= 0: it counts as infinitely wrong.
    const wrong = difference >= 0 ? difference : Infinity;
    if (wrong > error) {
      error = wrong;
      worst = t;
    }
  }
  return { error, allowed, ok: error <= allowed && Number.isFinite(error), worst };
}

function requireSameLength(name: string, array: ArrayLike<number>, reference: ArrayLike<number>): void {
  if (array.length === reference.length) return;
  throw new FlashError(
    'SHAPE',
    `${name}: expected ${reference.length} numbers like the reference, got ${array.length}`,
  );
}
