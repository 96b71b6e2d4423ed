import { checkFeatures } from '../api/check-features';
import { checkNames, fail, oneOf } from '../api/checks';
import { NO_FEATURES, type Problem } from '../api/problem';
import { paperTile } from '../cost/memory-traffic';
import type { TileSize } from '../cost/tile-visits';
import { tileSize, wholeNumber } from './size-options';

/** Options of `flash.ioModel`: a problem, and how much of it fits on chip. */
export interface IoModelOptions {
  /** B. Default 1. */
  batch?: number;
  /** H, the number of query heads; with batch 1 and heads 1, the default, all numbers are per head. */
  heads?: number;
  /** Hk, the number of key/value heads, a divisor of `heads`. Default `heads`. */
  kvHeads?: number;
  /** Nq. Default 4096. */
  seq?: number;
  /** Nk. Default `seq`. */
  seqK?: number;
  /** D. Default 64. */
  dim?: number;
  /** Dv. Default `dim`. */
  dimV?: number;
  /** As in `flash.attention`: tiles that it empties are skipped by both FlashAttentions. Default false. */
  causal?: boolean;
  /** As in `flash.attention`. Default [-1, -1]. */
  window?: readonly [number, number];
  /**
   * Elements of on-chip memory, from which the tiles follow: bc = ceil(M/4d), br = min(bc, d). Default 24576, as float16 the
   * 48 KiB that a large GPU gives a WebGPU workgroup.
   */
  M?: number;
  /** Queries (br) and keys (bc) of a tile, in place of M. */
  tiles?: { br: number; bc: number };
  /** What the figure is drawn over: lengths up to `seq`, or M. Default 'seq'. */
  over?: 'seq' | 'M';
}

/** Checked options. */
export interface IoModelPlan {
  readonly problem: Problem;
  /** null where tiles were given. */
  readonly M: number | null;
  readonly tiles: TileSize;
  readonly over: 'seq' | 'M';
}

const NAMES = [
  ...['batch', 'heads', 'kvHeads', 'seq', 'seqK', 'dim', 'dimV'],
  ...['causal', 'window', 'M', 'tiles', 'over'],
];

/** Sums over tiles stay exact, and quick, up to these. */
const MAX_LENGTH = 2 ** 24;
const MAX_HEADS = 2 ** 16;
const MAX_WIDTH = 2 ** 12;
const DEFAULT_M = 24576;

/** Fills in the defaults; throws a FlashError (INVALID_ARGUMENT). */
export function planIoModel(options: IoModelOptions = {}): IoModelPlan {
  checkNames(options, NAMES);
  const B = wholeNumber('batch', options.batch, 1, MAX_HEADS);
  const H = wholeNumber('heads', options.heads, 1, MAX_HEADS);
  const Hk = wholeNumber('kvHeads', options.kvHeads, H, MAX_HEADS);
  if (H % Hk !== 0) fail('kvHeads', `a divisor of heads (${H})`, Hk);
  const Nq = wholeNumber('seq', options.seq, 4096, MAX_LENGTH);
  const Nk = wholeNumber('seqK', options.seqK, Nq, MAX_LENGTH);
  const D = wholeNumber('dim', options.dim, 64, MAX_WIDTH);
  const Dv = wholeNumber('dimV', options.dimV, D, MAX_WIDTH);
  const { causal, window } = options;
  const shape = { B, H, Hk, Nq, Nk, D, Dv, dtype: 'f32', layout: 'bhnd', packing: 'none' } as const;
  const { band } = checkFeatures({ causal, window }, shape);
  const problem: Problem = { ...NO_FEATURES, ...shape, scale: 1 / Math.sqrt(D), band };
  const given = tileSize(options.tiles, MAX_LENGTH);
  if (given && options.M !== undefined) fail('M', 'no M beside tiles, which it decides', options.M);
  const M = given ? null : wholeNumber('M', options.M, DEFAULT_M);
  const over = oneOf('over', ['seq', 'M'], options.over, 'seq');
  if (given && over === 'M') fail('over', "'seq' beside tiles, which do not follow from an M", over);
  return { problem, M, tiles: given ?? paperTile(M!, problem), over };
}
