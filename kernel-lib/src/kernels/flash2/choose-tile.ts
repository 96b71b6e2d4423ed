import type { Problem } from '../../api/problem';
import type { DeviceFacts } from '../../device/device';
import { matrixTuningKey, tunedTile, type TunedShape, type TunedTile, tuningKey } from '../../device/tuning';
import { chooseLanes, triedLanes } from '../../wgsl/choose-lanes';
import { firstFit, shareTile, tableShapes, triedShapes } from '../../wgsl/choose-shape';
import { type LaneTile, ownRows } from '../../wgsl/lane-tile';
import { resultColumns, rowsPerThread, type TileShape } from '../../wgsl/tiles';
import type { AttentionTile } from '../common';
import { type AttentionMatrices, chooseMatrices, triedMatrices } from './choose-matrices';
import { type AttentionStreams, chooseStreams } from './choose-streams';
import { dkdvBytes } from './dkdv';
import { dqBytes } from './dq';
import { forwardBytes } from './forward';

/** The kernels that work by tiles. In 'dkdv' the keys stay and the queries pass by; in the others it is the reverse. */
export type Pass = 'forward' | 'dq' | 'dkdv';

/** What a tile depends on of a problem: not the lengths, so that a new length compiles nothing. */
type HeadSizes = Pick<Problem, 'D' | 'Dv'>;

/** Bytes of workgroup memory that a pass needs with a tile. */
function tileBytes(pass: Pass, t: TileShape, { D, Dv }: HeadSizes): number {
  if (pass === 'forward') return forwardBytes(t, D, Dv);
  return pass === 'dq' ? dqBytes(t, D, Dv) : dkdvBytes(t, D, Dv);
}

/** vec4 accumulators of a thread. */
function accumulators(pass: Pass, t: TileShape, { D, Dv }: HeadSizes): number {
  const k = resultColumns(t, D);
  const v = resultColumns(t, Dv);
  return rowsPerThread(t) * (pass === 'forward' ? v : pass === 'dq' ? k : k + v);
}

const withRoles = (pass: Pass, t: TileShape, own: number, step: number): AttentionTile =>
  pass === 'dkdv' ? { ...t, br: step, bc: own } : { ...t, br: own, bc: step };

/** The tile of a pass: a pure function of head sizes and device. */
export function chooseTile(pass: Pass, sizes: HeadSizes, facts: DeviceFacts): AttentionTile {
  const tuned = tunedTile(facts.tuned, pass, sizes);
  if (tuned && !tuned.lanes) {
    const t = shareTile(tuned.own, tuned.step, facts, tuned);
    if (tileBytes(pass, t, sizes) <= facts.workgroupStorage) return withRoles(pass, t, t.own, t.step);
  }
  const t = firstFit(
    facts,
    (shape) => tileBytes(pass, shape, sizes),
    (shape) => accumulators(pass, shape, sizes),
  );
  return withRoles(pass, t, t.own, t.step);
}

/** The tile of a pass for wanted numbers of queries and keys, or, where it does not fit the device, what it would take. */
export function forceTile(
  pass: Pass,
  { br, bc }: { br: number; bc: number },
  sizes: HeadSizes,
  facts: DeviceFacts,
): { tile: AttentionTile | null; bytes: number } {
  const [own, step] = pass === 'dkdv' ? [bc, br] : [br, bc];
  const t = shareTile(own, step, facts);
  const bytes = tileBytes(pass, t, sizes);
  return { tile: bytes <= facts.workgroupStorage ? withRoles(pass, t, own, step) : null, bytes };
}

/** A lane tile with the queries and keys that it covers. */
export interface AttentionLanes extends LaneTile {
  readonly br: number;
  readonly bc: number;
  /** The query heads of a group share a workgroup; br is how many queries of each. */
  readonly packed: boolean;
}

/** Whether a pass needs the rows that make its scores for nothing else, and so may take them one by one. */
const oneByOne = (pass: Pass): boolean => pass === 'forward';

/** The lane tile of a pass, or null where tiles of workgroup memory are better or the only way: see chooseLanes. */
export function chooseLaneTile(pass: Pass, p: Problem, facts: DeviceFacts): AttentionLanes | null {
  const { D, Dv, H, Hk, Nq, Nk } = p;
  const numbers = { forward: D + Dv, dq: 2 * D + Dv, dkdv: 2 * (D + Dv) }[pass];
  const tuned = tunedTile(facts.tuned, pass, p);
  const choose = (length: number): LaneTile | null =>
    chooseLanes(facts, { numbers, sizes: [D, Dv], length, oneByOne: oneByOne(pass) }, tuned?.lanes ? tuned : undefined);
  const whole = choose(pass === 'dkdv' ? Nk : Nq);
  if (!whole) return null;
  if (pass === 'dkdv') return { ...whole, br: whole.step, bc: ownRows(whole), packed: false };
  const group = H / Hk;
  if (pass === 'forward' && group > 1 && Nq <= ownRows(whole) / 2) {
    const shared = choose(Nq * group)!;
    return { ...shared, br: Math.max(1, Math.floor(ownRows(shared) / group)), bc: shared.step, packed: true };
  }
  return { ...whole, br: ownRows(whole), bc: whole.step, packed: false };
}

/** Keys of a workgroup of dbias: enough that loading its queries costs little, fewer where that makes few workgroups. */
const DBIAS_KEYS = { most: 128, least: 16, workgroups: 16 };

/**
 * The lane tile of dbias, whose workgroups own a part of the keys, too; null as in {@link chooseLaneTile}. With half as many rows as others it is a
 * quarter slower, and compiles in half the time: what comes first with a bias has three other kernels to compile.
 */
export function chooseDbiasLanes(p: Problem, facts: DeviceFacts): AttentionLanes | null {
  const { D, Dv, Nq, Nk } = p;
  const t = chooseLanes(facts, { numbers: D + Dv, sizes: [D, Dv], length: Nq });
  if (!t) return null;
  const half = { ...t, rows: Math.max(1, Math.floor(t.rows / 2)) };
  const [ofB, ofH, ofQ] = p.bias!.shape;
  const workgroups = (keys: number): number => ofB * ofH * Math.ceil(ofQ / ownRows(half)) * Math.ceil(Nk / keys);
  let keys = DBIAS_KEYS.most;
  while (keys > DBIAS_KEYS.least && workgroups(keys) < DBIAS_KEYS.workgroups) keys /= 2;
  return { ...half, br: ownRows(half), bc: keys, packed: false };
}

/** The ways to compute a pass, and the forward. */
export type AnyTile = AttentionTile | AttentionLanes | AttentionMatrices;
export type ForwardTile = AnyTile | AttentionStreams;

/** The tile of a pass: the wanted one where there is one and it fits, else the device's own, of matrices or lanes where those are better; few queries aside. */
export function chooseAnyTile(
  pass: Pass,
  wanted: { br: number; bc: number } | null,
  p: Problem,
  facts: DeviceFacts,
): AnyTile {
  if (wanted) return forceTile(pass, wanted, p, facts).tile ?? chooseTile(pass, p, facts);
  return chooseMatrices(pass, p, facts) ?? chooseLaneTile(pass, p, facts) ?? chooseTile(pass, p, facts);
}

/** Rows of the smallest tile for few queries: with fewer, most threads of a subgroup would have none. */
const FEW_ROWS = 16;

/**
 * The forward's tile on a GPU where queries are few, as in decoding: the heads of a group share a tile, and with it each key and value
 * that it loads, and the tile is no larger than it has rows; with very few, streams. Null where there are enough queries.
 */
export function chooseFewRows(p: Problem, facts: DeviceFacts): AttentionTile | AttentionStreams | null {
  const streams = chooseStreams(p, facts);
  if (streams) return streams;
  const group = p.H / p.Hk;
  const usual = chooseTile('forward', p, facts);
  if (facts.kind !== 'hardware' || 2 * p.Nq > usual.own) return null;
  const rows = Math.max(p.Nq * group, FEW_ROWS);
  const fits = tableShapes(facts).filter(
    (t) => forwardBytes(t, p.D, p.Dv) <= facts.workgroupStorage && t.own <= usual.own,
  );
  const smallest = Math.min(...fits.map((t) => t.own).filter((own) => own >= rows));
  const t = fits.find(({ own }) => own === smallest) ?? usual;
  if (group === 1) return withRoles('forward', t, t.own, t.step);
  return { ...t, br: Math.max(1, Math.floor(t.own / group)), bc: t.step, packed: true };
}

/** How many workgroups cover the queries of a slice of a problem. */
export const queryWorkgroups = (
  t: ForwardTile,
  { Nq }: Problem,
  { B, H, Hk }: { readonly B: number; readonly H: number; readonly Hk: number },
): number => {
  if (!('packed' in t) || !t.packed) return B * H * Math.ceil(Nq / t.br);
  const rows = 'lanes' in t ? ownRows(t) : t.own;
  return B * Hk * Math.ceil((Nq * H) / Hk / rows);
};

/** What flash.tune() tries for a pass, and under which key it keeps the best. */
export interface TuningTrials {
  readonly key: string;
  readonly shapes: readonly TunedShape[];
}

/** Matrix tiles where the device takes them, else lane tiles, else tiles that fit. */
export function tuningTrials(pass: Pass, p: Problem, facts: DeviceFacts): TuningTrials {
  const untuned = { ...facts, tuned: undefined };
  return chooseMatrices(pass, p, untuned)
    ? { key: matrixTuningKey(pass, p), shapes: triedMatrices(pass, p, untuned) }
    : { key: tuningKey(pass, p), shapes: triedTiles(pass, p, untuned) };
}

function triedTiles(pass: Pass, p: Problem, untuned: DeviceFacts): TunedTile[] {
  const lanes = chooseLaneTile(pass, p, untuned);
  if (lanes)
    return triedLanes(lanes, oneByOne(pass)).map(({ rows, step }) => ({
      own: rows * lanes.lanes,
      step,
      lanes: true,
    }));
  return (
    triedShapes(untuned, (t) => accumulators(pass, t, p))
      .filter(({ shape }) => tileBytes(pass, shape, p) <= untuned.workgroupStorage)
      // Only the forward has anything to hand round.
      .filter(({ shape }) => pass === 'forward' || !shape.shuffle)
      .map(({ rows, shape: { own, step, shuffle } }) => ({
        ...{ own, step, lanes: false, rows },
        ...(shuffle ? { shuffle: true } : {}),
      }))
  );
}
