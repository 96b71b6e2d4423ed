import type { Problem } from '../api/problem';

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
  if (params.packed == 1u) {
    seq.q0 = word(params.cu_seqlens + b);
    seq.Nq = word(params.cu_seqlens + b + 1u) - seq.q0;
    let k_at = params.cu_seqlens + params.sequences + 1u;
    seq.k0 = word(k_at + b);
    seq.Nk = word(k_at + b + 1u) - seq.k0;
  } else if (params.packed == 2u) {
    seq.Nk = word(params.cu_seqlens + b);
  }`;

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
