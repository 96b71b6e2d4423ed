import type { Problem } from '../../api/problem';
import type { DeviceFacts } from '../../device/device';
import { vec4s } from '../../wgsl/tiles';

/** Few queries beside keys that stream by: see forward-streams.ts. */
export interface AttentionStreams {
  /** Lanes of a subgroup, which is the workgroup, and how many of them share a key. */
  readonly subgroup: number;
  readonly perKey: number;
  /** Keys of a stream in a turn. */
  readonly turn: number;
  /** Queries, over all heads of the group, and how many of each. */
  readonly own: number;
  readonly br: number;
  /** Keys of all streams in a turn. */
  readonly bc: number;
  readonly packed: true;
}

/** Queries at the most: beyond, a GPU does the arithmetic of a register tile in the time that its memory takes. */
const MOST_QUERIES = 8;

/** Vec4s of a row that a lane has, and keys of a stream in a turn: what is on the way together. More queries need the registers for themselves. */
const VEC4S = 2;
const TURN = { few: 8, many: 4 };

/** The streams for a problem with few queries on a GPU, null where there are more or subgroups have no fixed size. */
export function chooseStreams(
  { H, Hk, Nq, D, Dv }: Pick<Problem, 'H' | 'Hk' | 'Nq' | 'D' | 'Dv'>,
  { kind, subgroupSize: subgroup }: DeviceFacts,
): AttentionStreams | null {
  const rows = (Nq * H) / Hk;
  if (kind !== 'hardware' || subgroup < 4 || rows > MOST_QUERIES) return null;
  const own = 2 ** Math.ceil(Math.log2(rows));
  const wanted = 2 ** Math.ceil(Math.log2(Math.max(vec4s(D), vec4s(Dv)) / VEC4S));
  const perKey = Math.min(subgroup, Math.max(4, wanted));
  const turn = Math.min(perKey, own > 4 ? TURN.many : TURN.few);
  const br = Math.max(1, Math.floor((own * Hk) / H));
  return { subgroup, perKey, turn, own, br, bc: (subgroup / perKey) * turn, packed: true };
}
