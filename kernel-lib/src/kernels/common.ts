import type { Problem } from '../api/problem';
import { keyCacheParams } from '../features/key-cache';
import { type ScoreFeatures, scoreBuffers, scoreParams, type ScoreTile, scoreWgsl } from '../features/score';
import { type Params, paramsStruct } from '../wgsl/params';
import { LOG2_E } from '../wgsl/special-values';
import { PACK_WGSL, type StageSource } from '../wgsl/staging';
import type { TileShape } from '../wgsl/tiles';
import type { Operands } from './operands';

/** A tile of `br` queries and `bc` keys; `own` and `step` are what registers and workgroup memory hold, never less. */
export interface AttentionTile extends TileShape {
  readonly br: number;
  readonly bc: number;
  /** The query heads of a group share the tile, all `own` rows of it; br is how many queries of each. Only forward. */
  readonly packed?: boolean;
}

/** The uniform block that every kernel over whole tensors shares: sizes of the slice, where rows lie, features. */
export function attentionParams(p: Problem, f: ScoreFeatures, operands: Operands): Params {
  const { slice } = operands;
  return {
    Nq: p.Nq,
    Nk: p.Nk,
    H: slice.H,
    Hk: slice.Hk,
    b0: slice.b0,
    h0: slice.h0,
    scale: { f32: p.scale },
    q_strides: operands.strides('q'),
    k_strides: operands.strides('k'),
    v_strides: operands.strides('v'),
    out_strides: operands.strides('out'),
    lse_strides: operands.strides('lse'),
    rows_strides: operands.strides('rows'),
    ...scoreParams(p, f),
    ...keyCacheParams(p),
    ...(f.bias || f.mask ? { bias_base: operands.base('bias'), mask_base: operands.base('mask') } : {}),
  };
}

/** The buffers of the features, bound for a slice; `none` stands in for those that the problem does not have. */
export function featureBindings(
  f: ScoreFeatures,
  operands: Operands,
  buffers: Readonly<Record<string, GPUBuffer>>,
): GPUBufferBinding[] {
  return scoreBuffers(f).map((name) => {
    if (name === 'words') return { buffer: buffers.words };
    return name in buffers ? operands.bind(name, buffers[name]) : { buffer: buffers.none };
  });
}

/** `base(b, h, strides, row)`: element where a row of a head begins. */
export const BASE_WGSL = `
fn base(b: u32, h: u32, strides: vec4u, row: u32) -> u32 {
  return b * strides.x + h * strides.y + row * strides.z + strides.w;
}`;

/** What every kernel begins with: the uniforms, the features with their buffers from binding `first` on, row addresses. */
export const headWgsl = (f: ScoreFeatures, params: Params, first: number): string => `
${paramsStruct(params)}
@group(0) @binding(0) var<uniform> params: Params;
${scoreWgsl(f, first)}
${BASE_WGSL}
${PACK_WGSL}`;

/** `access` of the features' buffers. */
export const featureAccess = (f: ScoreFeatures): ('read' | 'uniform')[] =>
  scoreBuffers(f).map((name) => (name === 'words' && f.words === 'uniform' ? 'uniform' : 'read'));

/** What must stand before everything else in a kernel over tiles. */
export const enableWgsl = (t: TileShape): string => (t.subgroup || t.shuffle ? 'enable subgroups;' : '');

/**
 * The entry point with its thread coordinates. With one row of threads, y0 is a constant, which CPU drivers turn into one
 * load for all lanes; where the workgroup is one subgroup, x is the lane, whatever order the driver gives the threads.
 */
export const mainWgsl = (t: TileShape): string => `
@compute @workgroup_size(${t.tx * t.ty})
fn main(@builtin(workgroup_id) id: vec3u, ${
  t.shuffle
    ? `@builtin(subgroup_id) subgroup: u32, @builtin(subgroup_invocation_id) lane: u32) {
let lid = subgroup * ${t.shuffle}u + lane;`
    : `@builtin(${t.subgroup ? 'subgroup_invocation_id' : 'local_invocation_index'}) lid: u32) {`
}
${t.ty === 1 ? 'let x = lid; let y0 = 0u;' : `let x = lid % ${t.tx}u; let y0 = lid / ${t.tx}u * ${t.own / t.ty}u;`}
let sx = x % ${t.sx}u;
let group = params.first + id.x;`;

/** Where the rows of a key/value head begin, and the factor that makes q.k a score in log2 units. */
const KEY_ROWS_WGSL = `let k_base = base(b, hk, params.k_strides, seq.k0);
let v_base = base(b, hk, params.v_strides, seq.k0);
let to_log2 = params.scale * ${LOG2_E};`;

/** The batch of a result: results of the splits lie one behind the other, as if they were further batches. */
const batchWgsl = (split: boolean): string =>
  split ? 'let b = result_b % params.batches;\nlet split = result_b / params.batches;' : 'let b = result_b;';

/**
 * Which tile of queries a workgroup owns: i0, query head h and its key/value head hk within the slice, the sequence, and
 * where the rows of its heads begin. A packed sequence may be too short to have this tile.
 */
export const ownQueriesWgsl = (br: number, f: ScoreFeatures, split = false): string => `
let tiles = (params.Nq + ${br - 1}u) / ${br}u;
// The last queries first: under a causal mask they see the most keys, and what is long should not begin last.
let i0 = (tiles - 1u - group % tiles) * ${br}u;
let h = group / tiles % params.H;
let result_b = group / tiles / params.H;
${batchWgsl(split)}
let hk = h / (params.H / params.Hk);
let feature_b = params.b0 + b;
let feature_h = params.h0 + h;
let seq = sequence(feature_b);
${f.packed ? 'if (i0 >= seq.Nq) { return; }' : ''}
let i1 = min(i0 + ${br}u, seq.Nq) - 1u;
let q_base = base(b, h, params.q_strides, seq.q0);
let out_base = base(result_b, h, params.out_strides, seq.q0);
${KEY_ROWS_WGSL}`;

/**
 * As ownQueriesWgsl, where the query heads of a group share a tile, so that few queries fill it: row e of the group's rows is query e / heads of its
 * head e % heads. e0 is the first row, rows_own how many there are, i0 and i1 the first and last query.
 */
export const ownGroupsWgsl = (rows: number, f: ScoreFeatures, split: boolean): string => `
let heads = params.H / params.Hk;
let tiles = (params.Nq * heads + ${rows - 1}u) / ${rows}u;
let e0 = (tiles - 1u - group % tiles) * ${rows}u;
let hk = group / tiles % params.Hk;
let result_b = group / tiles / params.Hk;
${batchWgsl(split)}
let feature_b = params.b0 + b;
let seq = sequence(feature_b);
let rows_own = seq.Nq * heads;
${f.packed ? 'if (e0 >= rows_own) { return; }' : ''}
let i0 = e0 / heads;
let i1 = min(e0 + ${rows - 1}u, rows_own - 1u) / heads;
${KEY_ROWS_WGSL}`;

/** The rows of q or out for {@link ownGroupsWgsl}. */
export const groupRowsOf = (name: 'q' | 'out', size: number): StageSource => ({
  ...rowsOf(name, size),
  row0: 'e0',
  rows: 'rows_own',
  at: (row) =>
    `base(${name === 'q' ? 'b' : 'result_b'}, hk * heads + (${row}) % heads, params.${name}_strides, seq.q0 + (${row}) / heads)`,
});

/** Which tile of keys a workgroup owns: j0, key/value head hk and how many query heads it has. The queries' heads are left to a loop. */
export const ownKeysWgsl = (bc: number, f: ScoreFeatures): string => `
let tiles = (params.Nk + ${bc - 1}u) / ${bc}u;
let j0 = group % tiles * ${bc}u;
let hk = group / tiles % params.Hk;
let b = group / tiles / params.Hk;
let heads = params.H / params.Hk;
let feature_b = params.b0 + b;
let seq = sequence(feature_b);
${f.packed ? 'if (j0 >= seq.Nk) { return; }' : ''}
let j1 = min(j0 + ${bc}u, seq.Nk) - 1u;
${KEY_ROWS_WGSL}`;

/** WGSL: opens the loop over the query heads h of the own keys' head, and tells where their rows begin. */
export const EACH_QUERY_HEAD_WGSL = `for (var h = hk * heads; h < (hk + 1u) * heads; h++) {
let feature_h = params.h0 + h;
let q_base = base(b, h, params.q_strides, seq.q0);
let out_base = base(b, h, params.out_strides, seq.q0);`;

/** WGSL: whether the tile of queries i0.. and keys j0.. needs its adjustments for the band or for the end of its rows. */
export const cutWgsl = (t: AttentionTile, s: ScoreTile): string => (s.used < t.step ? 'true' : bandCut(t, s.own));

/** The same where every row of a step takes part. */
export const bandCut = ({ br, bc }: { readonly br: number; readonly bc: number }, own: 'queries' | 'keys'): string =>
  own === 'queries'
    ? `(j0 + ${bc}u > seq.Nk) | !uncut(seq, i0, i1, j0, j0 + ${bc - 1}u)`
    : `(i0 + ${br}u > seq.Nq) | !uncut(seq, i0, i0 + ${br - 1}u, j0, j1)`;

/** How the tile names its pairs: queries stay and keys pass by, or the reverse. */
export const scoreTile = (t: AttentionTile, own: 'queries' | 'keys', scratch: string): ScoreTile => ({
  tile: t,
  own,
  used: own === 'queries' ? t.bc : t.br,
  scratch,
  packed: t.packed ?? false,
});

/** Sources of staged rows; `rows` is how many the sequence has. */
export const rowsOf = (
  name: 'q' | 'k' | 'v' | 'out' | 'dout' | 'dq' | 'dk' | 'dv',
  size: number,
): { name: string; size: number; base: string; rowStride: string; row0: string; rows: string } => {
  const like = { q: 'q', dq: 'q', k: 'k', dk: 'k', v: 'v', dv: 'v', out: 'out', dout: 'out' }[name];
  const queries = like === 'q' || like === 'out';
  return {
    name,
    size,
    base: `${like}_base`,
    rowStride: `params.${like}_strides.z`,
    row0: queries ? 'i0' : 'j0',
    rows: queries ? 'seq.Nq' : 'seq.Nk',
  };
};
