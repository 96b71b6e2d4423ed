import { fail } from '../api/checks';
import type { TileSize } from '../cost/tile-visits';

// Checks that the experiments share. Each names the argument, what was expected and what came.

/** A length or a count; `fallback` where nothing was given. */
export function wholeNumber(name: string, given: unknown, fallback: number, most = 2 ** 31): number {
  const value = given === undefined ? fallback : given;
  if (!Number.isInteger(value) || (value as number) < 1 || (value as number) > most) {
    fail(name, `a whole number from 1 to ${most}`, given);
  }
  return value as number;
}

/** { br, bc }, if given. */
export function tileSize(given: unknown, most: number): TileSize | undefined {
  if (given === undefined) return undefined;
  if (typeof given !== 'object' || given === null) fail('tiles', '{ br, bc }', given);
  const { br, bc } = given as Record<string, unknown>;
  // The fallback is no number: both must be there.
  return { br: wholeNumber('tiles.br', br, NaN, most), bc: wholeNumber('tiles.bc', bc, NaN, most) };
}
