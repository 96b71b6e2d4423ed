import type { Problem } from '../api/problem';
import { spans, type SpanSizes } from './spans';
import { visitedKeyTiles, visitedQueryTiles, type Span, type TileSize } from './tile-visits';

/** Forward passes whose traffic is known: three passes over stored matrices (Dao 2022, Algorithm 0), and the two FlashAttentions. */
export type TrafficAlgorithm = 'standard' | 'flash1' | 'flash2';

type TrafficSizes = SpanSizes & Pick<Problem, 'H' | 'Hk' | 'D' | 'Dv'>;
type Widths = Pick<Problem, 'D' | 'Dv'>;

/** Elements that move between device memory and chip. */
export interface ReadsWrites {
  readonly reads: number;
  readonly writes: number;
}

/** One reason to touch one tensor. */
export interface TrafficTerm extends ReadsWrites {
  readonly tensor: 'q' | 'k' | 'v' | 'out' | 'lse' | 'l' | 'm' | 's' | 'p';
  readonly why: string;
}

/** The sum, and what it is made of. */
export interface Traffic extends ReadsWrites {
  readonly terms: readonly TrafficTerm[];
}

/** Sums over the tiles of one sequence that are visited; the last tile of a side has fewer rows. */
interface Visits {
  /** Rows of query tiles, a tile counted once for each key tile that it meets: Tc * Nq where all meet. */
  readonly queryRows: number;
  /** Rows of key tiles, a tile counted once for each query tile that it meets: Tr * Nk where all meet. */
  readonly keyRows: number;
  /** Rows of the key tiles that meet any query tile: Nk where all do. */
  readonly keys: number;
}

function countVisits(span: Span, tile: TileSize): Visits {
  let [queryRows, keyRows, keys] = [0, 0, 0];
  for (let i = 0; i * tile.br < span.Nq; i++) {
    const { begin, end } = visitedKeyTiles(span, tile, i);
    queryRows += (end - begin) * Math.min(tile.br, span.Nq - i * tile.br);
    keyRows += Math.min(end * tile.bc, span.Nk) - Math.min(begin * tile.bc, span.Nk);
  }
  for (let j = 0; j * tile.bc < span.Nk; j++) {
    const { begin, end } = visitedQueryTiles(span, tile, j);
    if (end > begin) keys += Math.min(tile.bc, span.Nk - j * tile.bc);
  }
  return { queryRows, keyRows, keys };
}

const read = (tensor: TrafficTerm['tensor'], why: string, reads: number): TrafficTerm => ({
  ...{ tensor, why, reads, writes: 0 },
});
const write = (tensor: TrafficTerm['tensor'], why: string, writes: number): TrafficTerm => ({
  ...{ tensor, why, reads: 0, writes },
});

/** Standard attention, each product reading its factors once: the least that it can move. A mask saves nothing. */
function standardTerms({ Nq, Nk }: Span, { D, Dv }: Widths): TrafficTerm[] {
  return [
    read('q', 'once', Nq * D),
    read('k', 'once', Nk * D),
    write('s', 'the scores', Nq * Nk),
    read('s', 'for softmax', Nq * Nk),
    write('p', 'softmax of s', Nq * Nk),
    write('lse', 'beside p', Nq),
    read('p', 'for the last product', Nq * Nk),
    read('v', 'once', Nk * Dv),
    write('out', 'once', Nq * Dv),
  ];
}

/** Dao 2022, Algorithm 1: key tiles outside, query tiles inside. */
function flash1Terms(span: Span, { D, Dv }: Widths, tile: TileSize): TrafficTerm[] {
  const { Nq } = span;
  const { queryRows, keys } = countVisits(span, tile);
  return [
    write('out', 'set to 0', Nq * Dv),
    write('l', 'set to 0', Nq),
    write('m', 'set to -Infinity', Nq),
    read('k', 'once', keys * D),
    read('v', 'once', keys * Dv),
    read('q', 'for every visited tile', queryRows * D),
    read('out', 'for every visited tile', queryRows * Dv),
    read('l', 'for every visited tile', queryRows),
    read('m', 'for every visited tile', queryRows),
    write('out', 'for every visited tile', queryRows * Dv),
    write('l', 'for every visited tile', queryRows),
    write('m', 'for every visited tile', queryRows),
    read('l', 'for lse, after the last tile', Nq),
    read('m', 'for lse, after the last tile', Nq),
    write('lse', 'm + log(l), after the last tile', Nq),
  ];
}

/** Dao 2023, Algorithm 1: query tiles outside, key tiles inside. */
function flash2Terms(span: Span, { D, Dv }: Widths, tile: TileSize): TrafficTerm[] {
  const { Nq } = span;
  const { keyRows } = countVisits(span, tile);
  return [
    read('q', 'once', Nq * D),
    read('k', 'for every visited tile', keyRows * D),
    read('v', 'for every visited tile', keyRows * Dv),
    write('out', 'once', Nq * Dv),
    write('lse', 'once', Nq),
  ];
}

const TERMS = { standard: standardTerms, flash1: flash1Terms, flash2: flash2Terms };

/** Adds up terms that stand at the same place, each `factor` times. */
function total(parts: readonly { terms: readonly TrafficTerm[]; factor: number }[]): Traffic {
  const terms = (parts[0]?.terms ?? []).map((term, t) => ({
    ...term,
    reads: parts.reduce((sum, part) => sum + part.factor * part.terms[t].reads, 0),
    writes: parts.reduce((sum, part) => sum + part.factor * part.terms[t].writes, 0),
  }));
  return {
    reads: terms.reduce((sum, term) => sum + term.reads, 0),
    writes: terms.reduce((sum, term) => sum + term.writes, 0),
    terms,
  };
}

/**
 * Elements that a forward pass reads from and writes to device memory, all batch entries and query heads together; nothing is
 * left out and nothing rounded. What counts:
 * - every element of q, k, v, out, lse, l, m (and s, p of standard attention) each time it crosses between device memory and
 *   chip, whatever its type: a tile of FlashAttention-2 that loads bc keys for its br queries counts bc * D;
 * - rows that there are, no padding: the last tile of a side counts what is left;
 * - visited tiles: those with a pair that the band lets see each other. In both FlashAttentions a tile that the band empties
 *   costs nothing, and a key tile that no query sees is not loaded at all;
 * - each query head by itself, also where several read the same k and v;
 * - not: bias, mask, slopes, sequence offsets, uniforms.
 * FlashAttention-1 as published leaves l and m, not lse; its terms end with the pass that makes lse of them. Counters in this
 * library's float32 kernels show these very numbers, tensor by tensor (test/kernel-traffic.test.ts).
 *
 * Dao 2022, https://arxiv.org/abs/2205.14135, Algorithms 0 and 1; Dao 2023, https://arxiv.org/abs/2307.08691, Algorithm 1.
 */
export function exactTraffic(problem: TrafficSizes, algorithm: TrafficAlgorithm, tile: TileSize): Traffic {
  const parts = spans(problem).map((span) => ({
    terms: TERMS[algorithm](span, problem, tile),
    factor: span.count * problem.H,
  }));
  return total(parts);
}

/**
 * The terms that grow fastest, as papers give them, without a band: FlashAttention-1 reads 2Nd + 2TcNd and writes TcNd + 2TcN,
 * FlashAttention-2 reads Nd + 2TrNd and writes Nd + N, standard attention reads 3Nd + 2N^2 and writes Nd + 2N^2; here with
 * Nq, Nk, D and Dv in their places, and for all batch entries and query heads.
 */
export function leadingTraffic(problem: TrafficSizes, algorithm: TrafficAlgorithm, tile: TileSize): ReadsWrites {
  const { H, D, Dv } = problem;
  let [reads, writes] = [0, 0];
  for (const { Nq, Nk, count } of spans(problem)) {
    const [Tr, Tc] = [Math.ceil(Nq / tile.br), Math.ceil(Nk / tile.bc)];
    const one = {
      standard: [Nq * D + Nk * (D + Dv) + 2 * Nq * Nk, Nq * Dv + 2 * Nq * Nk],
      flash1: [Nk * (D + Dv) + Tc * Nq * (D + Dv), Tc * Nq * Dv + 2 * Tc * Nq],
      flash2: [Nq * D + Tr * Nk * (D + Dv), Nq * Dv + Nq],
    }[algorithm];
    reads += count * H * one[0];
    writes += count * H * one[1];
  }
  return { reads, writes };
}

/** What no algorithm can go below: every input read once, every result written once, keys and values once for all their heads. */
export function leastTraffic(problem: TrafficSizes): ReadsWrites {
  const { H, Hk, D, Dv } = problem;
  let [reads, writes] = [0, 0];
  for (const { Nq, Nk, count } of spans(problem)) {
    reads += count * (H * Nq * D + Hk * Nk * (D + Dv));
    writes += count * H * Nq * (Dv + 1);
  }
  return { reads, writes };
}

/**
 * The tile of FlashAttention-1 for M elements of on-chip memory: Bc = ceil(M / 4d), Br = min(ceil(M / 4d), d) (Dao 2022,
 * Algorithm 1), so that tiles of Q, K, V and O take about M. With D and Dv unlike, 4d is 2(D + Dv).
 */
export function paperTile(M: number, { D, Dv }: Widths): TileSize {
  const bc = Math.ceil(M / (2 * (D + Dv)));
  return { br: Math.min(bc, Math.ceil((D + Dv) / 2)), bc };
}
