import type { Problem } from '../../api/problem';
import type { DeviceFacts } from '../../device/device';
import { vec4s } from '../../wgsl/tiles';

/** Few queries, beside which keys and values stream by: see forward-streams.ts. */
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

/**
 * Queries at the most. Beyond, a GPU does the arithmetic of a register tile in the time that its memory takes, and drivers on a CPU, of which lane
 * tiles are no slower then, compile for longer than three seconds; for that they have a limit for all numbers of the queries, too.
 */
const MOST_QUERIES = { hardware: 8, software: 4 };
const MOST_NUMBERS = 512;

/** Vec4s of a row that a lane has, where there are lanes enough. */
const VEC4S = 2;

/** Keys of a stream in a turn. On a GPU what is on the way together, less with more queries, which need the registers; on a CPU what is measured. */
function turnOf(own: number, { dtype, cache }: Streamed, { kind, driver }: DeviceFacts): number {
  if (kind === 'hardware') return own > 4 ? 4 : 8;
  return driver === 'swiftshader' ? 4 : 4 / { f32: 4, f16: 2, i8: 1 }[cache?.element ?? dtype];
}

type Streamed = Pick<Problem, 'H' | 'Hk' | 'Nq' | 'Nk' | 'D' | 'Dv' | 'dtype' | 'cache' | 'sequences'>;

/**
 * Whether another kernel, which a CPU compiles for half a second, pays: over a cache, which is asked again and again, or many keys. Not for sequences in a
 * batch, which have the bits of theirs alone.
 */
const isWorthwhile = ({ cache, sequences, Nk }: Streamed): boolean =>
  cache !== undefined || (sequences === null && Nk >= MANY_KEYS);
const MANY_KEYS = 256;

/** The streams for a problem with few queries, null where there are more or subgroups have no fixed size. */
export function chooseStreams(p: Streamed, facts: DeviceFacts): AttentionStreams | null {
  const { H, Hk, Nq, D, Dv } = p;
  const { kind, subgroupSize: subgroup } = facts;
  const rows = (Nq * H) / Hk;
  if (subgroup < 4 || rows > MOST_QUERIES[kind]) return null;
  const own = 2 ** Math.ceil(Math.log2(rows));
  if (kind === 'software' && (own * Math.max(D, Dv) > MOST_NUMBERS || !isWorthwhile(p))) return null;
  const wanted = 2 ** Math.ceil(Math.log2(Math.max(vec4s(D), vec4s(Dv)) / VEC4S));
  const perKey = Math.min(subgroup, Math.max(4, wanted));
  const turn = Math.min(perKey, turnOf(own, p, facts));
  const br = Math.max(1, Math.floor((own * Hk) / H));
  return { subgroup, perKey, turn, own, br, bc: (subgroup / perKey) * turn, packed: true };
}
