import type { Problem } from '../api/problem';
import type { Params } from '../wgsl/params';

/**
 * Lengths of one batch entry and where its rows begin: the same for all in a dense batch, told by cuSeqlens in a packed one; with
 * a cache, each entry has its own number of keys.
 */
export const sequencesWgsl = (packed: boolean): string => `
struct Sequence { Nq: u32, Nk: u32, q0: u32, k0: u32 }
fn sequence(b: u32) -> Sequence {
  var seq = Sequence(params.Nq, params.Nk, 0u, 0u);
  ${packed ? PACKED_WGSL : ''}
  return seq;
}`;

const PACKED_WGSL = `
  if ((params.packed & 1u) != 0u) {
    seq.q0 = word(params.query_words + b);
    seq.Nq = word(params.query_words + b + 1u) - seq.q0;
  }
  if ((params.packed & 2u) != 0u) {
    seq.Nk = word(params.key_words + b);
  } else if (params.packed == 1u) {
    seq.k0 = word(params.key_words + b);
    seq.Nk = word(params.key_words + b + 1u) - seq.k0;
  }`;

type Packed = Pick<Problem, 'B' | 'alibiSlopes' | 'sequences' | 'cache'>;

/** Which word is the first that tells of the keys: cuSeqlensK, or a cache's lengths, starts and table. */
export const keyWords = ({ B, alibiSlopes, sequences }: Packed): number =>
  (alibiSlopes?.length ?? 0) + (sequences ? B + 1 : 0);

/** How many words there are, those of ALiBi's slopes included; see featureWords. */
export function wordCount(p: Packed): number {
  const { B, sequences, cache } = p;
  return keyWords(p) + (cache ? 2 * B + cache.table.length : sequences ? B + 1 : 0);
}

export const sequenceParams = (p: Packed): Params => ({
  packed: (p.sequences ? 1 : 0) + (p.cache ? 2 : 0),
  query_words: p.alibiSlopes?.length ?? 0,
  key_words: keyWords(p),
});

/** Lengths of every batch entry. */
export function sequenceLengths({
  B,
  Nq,
  Nk,
  sequences,
  cache,
}: Pick<Problem, 'B' | 'Nq' | 'Nk' | 'sequences' | 'cache'>): { Nq: number; Nk: number }[] {
  return Array.from({ length: B }, (_, b) =>
    sequences
      ? {
          Nq: sequences.cuSeqlensQ[b + 1] - sequences.cuSeqlensQ[b],
          Nk: sequences.cuSeqlensK[b + 1] - sequences.cuSeqlensK[b],
        }
      : { Nq, Nk: cache ? cache.lengths[b] : Nk },
  );
}
