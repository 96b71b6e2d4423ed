import type { Problem } from '../api/problem';
import type { DeviceFacts } from '../device/device';
import type { Step } from '../device/dispatch';
import type { TileInfo } from '../device/plan';
import { keyBegin, keyEnd } from '../features/band';
import { featureWords, type ScoreFeatures, UNIFORM_WORDS } from '../features/score';
import { sequenceLengths } from '../features/sequences';
import { type OperandName, Operands, slices } from './operands';

/** The steps of every slice of a problem, one after the other; `more` and `matrixBytes` as in {@link slices}. */
export function eachSlice(
  p: Problem,
  facts: DeviceFacts,
  more: readonly OperandName[],
  steps: (operands: Operands, n: number) => Step[],
  matrixBytes = 0,
): Step[] {
  const parts = slices(p, facts, more, matrixBytes);
  return parts.flatMap((slice, n) => steps(new Operands(p, slice, parts.length), n));
}

/** What the features need beside q, k and v: their words, and a buffer in place of operands that are compiled in but not there. */
export function featureUploads(
  p: Problem,
  f: ScoreFeatures,
  more: ArrayLike<number> = [],
): Record<string, Uint32Array> {
  const own = featureWords(p);
  const needed = own.length + more.length;
  const words = new Uint32Array(f.words === 'uniform' ? Math.max(needed, UNIFORM_WORDS) : needed);
  words.set(own);
  words.set(more, own.length);
  const absent = (f.bias && !p.bias) || (f.mask && !p.mask);
  return { ...(absent ? { none: new Uint32Array(4) } : {}), ...(words.length > 0 ? { words } : {}) };
}

/** Tiles that some query of the tile sees, which are those computed, of all there are. */
export function countTiles(p: Problem, { br, bc }: { br: number; bc: number }): TileInfo {
  let visited = 0;
  let total = 0;
  for (const { Nq, Nk } of sequenceLengths(p)) {
    const lengths = { Nq, Nk, band: p.band };
    for (let i0 = 0; i0 < Nq; i0 += br) {
      const first = Math.floor(keyBegin(lengths, i0) / bc);
      visited += Math.max(0, Math.ceil(keyEnd(lengths, Math.min(i0 + br, Nq) - 1) / bc) - first);
      total += Math.ceil(Nk / bc);
    }
  }
  return { br, bc, visited: p.H * visited, total: p.H * total };
}
