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

/** Queries at the most: with more, a GPU is no slower with register tiles, and a CPU with lane tiles. */
const MOST_QUERIES = { hardware: 8, software: 4 };
/** Numbers of all of them together, at the most, on a CPU: more take longer than three seconds to compile. */
const MOST_NUMBERS = 512;
/** Registers of a lane for queries, results, keys and values, at the most, on a GPU, of some 255. */
const MOST_REGISTERS = 208;

/** Vec4s of a row that a lane has, where there are lanes enough. */
const VEC4S = 2;

/** On a CPU the kernel takes half a second to compile, which pays over a cache, for that is asked again and again, or over this many keys. */
const MANY_KEYS = 256;

type Streamed = Pick<Problem, 'H' | 'Hk' | 'Nq' | 'Nk' | 'D' | 'Dv' | 'dtype' | 'cache' | 'sequences'>;

/** The streams for a problem with few queries; null where there are more, where subgroups have no fixed size, or where another kernel is better. */
export function chooseStreams(p: Streamed, facts: DeviceFacts): AttentionStreams | null {
  const { H, Hk, Nq, Nk, D, Dv, cache } = p;
  const { kind, subgroupSize: subgroup } = facts;
  const rows = Math.max(1, (Nq * H) / Hk);
  if (subgroup < 4 || rows > MOST_QUERIES[kind]) return null;
  const own = 2 ** Math.ceil(Math.log2(rows));
  const most = Math.max(D, Dv);
  // Of sequences in a batch few may have many keys.
  if (kind === 'software' && !cache && (p.sequences !== null || Nk < MANY_KEYS)) return null;
  if (kind === 'software' && own * most > MOST_NUMBERS) return null;
  const perKey = Math.min(subgroup, Math.max(4, 2 ** Math.ceil(Math.log2(vec4s(most) / VEC4S))));
  const turn = turnOf(own, perKey, p, facts);
  if (turn < 1) return null;
  const br = Math.max(1, Math.floor((own * Hk) / H));
  return { subgroup, perKey, turn, own, br, bc: (subgroup / perKey) * turn, packed: true };
}

/** Keys of a stream in a turn: on a GPU as many as registers allow, for they are on their way together; on a CPU as many as is fastest. 0 for none. */
function turnOf(own: number, perKey: number, { D, Dv, dtype, cache }: Streamed, { kind, driver }: DeviceFacts): number {
  const registers = 4 * (Math.ceil(vec4s(D) / perKey) + Math.ceil(vec4s(Dv) / perKey));
  const fits = (turn: number): boolean => (own + turn) * registers <= MOST_REGISTERS;
  if (kind === 'hardware') return [8, 4, 2, 1].find((turn) => turn <= perKey && fits(turn)) ?? 0;
  return driver === 'swiftshader' ? 4 : Math.min(perKey, 4 / { f32: 4, f16: 2, i8: 1 }[cache?.element ?? dtype]);
}
