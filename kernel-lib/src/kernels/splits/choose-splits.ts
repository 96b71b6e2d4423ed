import type { Problem } from '../../api/problem';
import type { DeviceFacts } from '../../device/device';

/** The most splits of one call. */
export const MAX_SPLITS = 128;

/**
 * Workgroups that keep a device busy. With few queries one is a subgroup or little more, and a GPU needs some eight of those on each multiprocessor for
 * enough to be on its way from memory.
 */
const BUSY = { hardware: 1024, software: 8 };

/** Tiles of keys, each of 16 at least, below which a split is not worth its merge. */
const TILES_OF_SPLIT = 4;
const KEYS_OF_TILE = 16;

/**
 * Into how many parts the keys of a call are split: enough that all tiles of queries together keep the device busy. A pure
 * function of shape and kind of device, so that the same call has the same bits.
 * @param workgroups  of the queries, without splits
 * @param bc  keys of a tile
 */
export function chooseSplits({ Nk }: Problem, workgroups: number, bc: number, { kind }: DeviceFacts): number {
  const wanted = Math.ceil(BUSY[kind] / Math.max(1, workgroups));
  const worth = Math.floor(Math.ceil(Nk / Math.max(bc, KEYS_OF_TILE)) / TILES_OF_SPLIT);
  return Math.max(1, Math.min(wanted, worth, MAX_SPLITS));
}
