import { describe } from '../api/describe';
import { FlashError } from '../api/errors';
import { checkShape } from '../tensor/check';
import { badFile } from './source';

/** The shape itself, if it is one that a tensor can have. */
export function checkFileShape(shape: unknown, name: string): number[] {
  try {
    return checkShape(shape);
  } catch (cause) {
    if (!(cause instanceof FlashError)) throw cause;
    throw badFile(name, `expected a shape of whole numbers and at most 2^31 elements, got ${describe(shape)}`, cause);
  }
}
