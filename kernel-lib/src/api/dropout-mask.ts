import { keeps } from '../features/dropout';
import { checkSeed } from '../tensor/random';
import { onHost } from '../tensor/check';
import { Tensor } from '../tensor/tensor';
import { describe } from './describe';
import { FlashError } from './errors';

/**
 * The keep mask of dropout that every algorithm uses: 1 where an entry of p stays, 0 where it is dropped. An entry depends on
 * (seed, p, b, h, i, j) alone, so a larger shape continues a smaller one.
 *
 * @param shape (B,H,Nq,Nk)
 * @param p probability that an entry is dropped, 0 <= p < 1
 * @param seed whole number 0 .. 2^32-1
 * @returns (B,H,Nq,Nk) f32
 * @throws FlashError INVALID_ARGUMENT, SHAPE
 */
export function dropoutMask(shape: readonly [number, number, number, number], p: number, seed: number): Tensor {
  const ok = Array.isArray(shape) && shape.length === 4 && shape.every((n) => Number.isInteger(n) && n >= 0);
  if (!ok) throw new FlashError('SHAPE', `shape: expected [B, H, Nq, Nk], got ${describe(shape)}.`);
  if (typeof p !== 'number' || !(p >= 0 && p < 1)) {
    throw new FlashError('INVALID_ARGUMENT', `p: expected a number, 0 <= p < 1, got ${describe(p)}.`);
  }
  const given = checkSeed(seed);
  if (given === undefined) {
    throw new FlashError('INVALID_ARGUMENT', 'seed: expected a whole number from 0 to 2^32-1, got undefined.');
  }
  const dropout = { p, seed: given };
  const [B, H, Nq, Nk] = shape;
  const mask = onHost(shape, () => new Float32Array(B * H * Nq * Nk));
  let at = 0;
  for (let b = 0; b < B; b++) {
    for (let h = 0; h < H; h++) {
      for (let i = 0; i < Nq; i++) {
        for (let j = 0; j < Nk; j++) mask[at++] = Number(keeps(dropout, b, h, i, j));
      }
    }
  }
  return new Tensor(shape, 'f32', mask);
}
