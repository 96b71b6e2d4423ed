// What a traced run looks like in a notebook, for the player of the JupyterLab extension: one declaration for the side that
// writes it and the side that draws it. Only types stand here, so that neither side builds the other.

/** A number of about six significant digits. JSON has no infinities: -Infinity is null, the others are words. */
export type PlayerNumber = number | null | 'Infinity' | 'NaN';

/** Rows of numbers. */
export type PlayerMatrix = PlayerNumber[][];

/** Elements that cross between device memory and chip. */
export interface PlayerTraffic {
  reads: number;
  writes: number;
}

/** One visit to a tile. What was there before it is what the last visit to the same queries left: m -Infinity, l 0, o 0 at first. */
export interface PlayerStep extends PlayerTraffic {
  /** Which tile of queries, which tile of keys. */
  i: number;
  j: number;
  /** State of each query of the tile after the visit; o is a mean in flash1 and a sum, not yet divided by l, in flash2. */
  m: PlayerNumber[];
  l: PlayerNumber[];
  o: PlayerMatrix;
  /** By how much what was there before is scaled, for each query: exp(m before - m after). */
  oldWeight: PlayerNumber[];
  /** flash1 alone: by how much p, which has the maximum of its tile, is scaled: exp(row maximum of s - m after). */
  newWeight?: PlayerNumber[];
  /** What crosses once the visit is over and before the next: results of finished queries. Missing where nothing does. */
  then?: PlayerTraffic;
}

/** One algorithm's run. */
export interface PlayerWalk {
  /** Visits in their order; the sums of start, steps and then are reads and writes. */
  steps: PlayerStep[];
  /** [i, j] of tiles in which no query sees a key. */
  skipped: [number, number][];
  /** Nq x Nk weights, as each tile's visit made them; 0 in skipped tiles. */
  p: PlayerMatrix;
  /** Results: Nq x Dv and Nq. */
  out: PlayerMatrix;
  lse: PlayerNumber[];
  /** What crosses before the first visit. */
  start: PlayerTraffic;
  /** What crosses all in all. */
  total: PlayerTraffic;
}

/** A traced run: data of the MIME type application/vnd.flashlab.trace.v1+json. */
export interface PlayerData {
  /** Queries (br) and keys (bc) of a tile; the last ones hold what is left. */
  tiles: { br: number; bc: number };
  /** Factor of q.k. */
  scale: number;
  /** Inputs: Nq x D, Nk x D, Nk x Dv. */
  q: PlayerMatrix;
  k: PlayerMatrix;
  v: PlayerMatrix;
  /** Nq x Nk scores; -Infinity where a query does not see a key. */
  s: PlayerMatrix;
  flash1: PlayerWalk;
  flash2: PlayerWalk;
}
