import { type Features } from '../api/problem';
import { keyBegin, keyEnd, queryBegin, queryEnd } from '../features/band';

/** One sequence: its lengths and what its queries see of its keys. */
export interface Span extends Pick<Features, 'band'> {
  readonly Nq: number;
  readonly Nk: number;
}

/** Queries (br) and keys (bc) of a tile of the score matrix; the last ones hold what is left. */
export interface TileSize {
  readonly br: number;
  readonly bc: number;
}

/** Indices from `begin` up to, and not including, `end`; none where these are equal. */
export interface Range {
  readonly begin: number;
  readonly end: number;
}

const NONE: Range = { begin: 0, end: 0 };

function tilesOf(begin: number, end: number, size: number): Range {
  return begin < end ? { begin: Math.floor(begin / size), end: Math.ceil(end / size) } : NONE;
}

// A band moves on by one key with each query, so what neighbouring queries see joins up: first and last tell all.

/** Tiles of keys of which some query of tile i sees some key: those that are visited. Mask and bias empty no tile. */
export function visitedKeyTiles(span: Span, { br, bc }: TileSize, i: number): Range {
  return tilesOf(keyBegin(span, i * br), keyEnd(span, Math.min((i + 1) * br, span.Nq) - 1), bc);
}

/** Tiles of queries that see some key of tile j. */
export function visitedQueryTiles(span: Span, { br, bc }: TileSize, j: number): Range {
  return tilesOf(queryBegin(span, j * bc), queryEnd(span, Math.min((j + 1) * bc, span.Nk) - 1), br);
}
