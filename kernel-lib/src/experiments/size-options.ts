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

const MAX_POINTS = 8;

/** `seq`, its half, and so on down to 16 at the least, shortest first: what a formula is drawn over. */
export function halvings(seq: number): number[] {
  const lengths = [seq];
  while (lengths.length < MAX_POINTS && lengths[0] >= 32) lengths.unshift(Math.floor(lengths[0] / 2));
  return lengths;
}
