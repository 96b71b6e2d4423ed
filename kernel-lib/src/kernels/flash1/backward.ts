import type { Problem } from '../../api/problem';
import type { Kernel } from '../../device/pipeline-cache';
import { dropout4Wgsl, features4Wgsl, type ScoreFeatures, valueScale } from '../../features/score';
import { type Params, when } from '../../wgsl/params';
import { LOG2_E, MINUS_INFINITY_BITS } from '../../wgsl/special-values';
import { loadFunction, storageArray, storeFunction } from '../../wgsl/staging';
import { vec4s } from '../../wgsl/tiles';
import { EACH_QUERY_HEAD_WGSL, featureAccess, headWgsl } from '../common';
import { boundKeyGradients } from '../outputs';
import type { Flash1Tile } from './choose-tile';
import { adjustedWgsl, dotRows, dotRowsWgsl, each, loadRows, ownKeysOfHeadWgsl, scoresWgsl } from './common';

/** What one dispatch does: all of it, as published; or, where the device cannot bind as many tensors, a part of it. */
export interface Flash1Dispatch {
  readonly writes: readonly ('dq' | 'dk' | 'dv')[];
  /** Where delta and lse come from: made of out and dout for every tile, as published, or kept for every query, see delta.ts. */
  readonly delta: 'in place' | 'rows';
}

export const PUBLISHED: Flash1Dispatch = { writes: ['dq', 'dk', 'dv'], delta: 'in place' };

export const ONE_BY_ONE: readonly Flash1Dispatch[] = PUBLISHED.writes.map((name) => ({
  writes: [name],
  delta: 'rows',
}));

export const keyGradients = (writes: Flash1Dispatch['writes']): ('dk' | 'dv')[] =>
  writes.filter((name) => name !== 'dq');

/**
 * FlashAttention-1 backward (Dao 2022, Algorithm 4), one turn of its outer loop over the keys: a dispatch is a tile of keys, a
 * workgroup a key/value head of it.
 *
 *     load K_j, V_j;  dK_j = dV_j = 0
 *     for each query head of the group, for each tile of queries that sees K_j:
 *       load Q_i, O_i, dO_i, dQ_i, lse_i
 *       P = exp2(features(scale Q_i K_j^T) - lse_i);  dV_j += dropout(P)^T dO_i
 *       dP = dropout(dO_i V_j^T);  delta_i = rowsum(dO_i * O_i);  dS = P * (dP - delta_i)
 *       dQ_i += scale dS K_j, written to memory;  dK_j += scale dS^T Q_i
 *     write dK_j, dV_j
 *
 * l_i and m_i of the paper reach it as lse_i = m_i + ln l_i. dQ is f32 here, whatever is stored in the end.
 */
export function flash1BackwardKernel(
  { br, bc }: Flash1Tile,
  threads: number,
  p: Problem,
  f: ScoreFeatures,
  params: Params,
  { writes, delta }: Flash1Dispatch,
): Kernel {
  const { D, Dv, dtype } = p;
  const [D4, Dv4] = [vec4s(D), vec4s(Dv)];
  const [dq, dk, dv] = [writes.includes('dq'), writes.includes('dk'), writes.includes('dv')];
  const published = delta === 'in place';
  const first = published ? 7 : 6;
  const outputs = [
    ...(dq ? [{ name: 'dq', size: D, element: 'f32' as const }] : []),
    ...boundKeyGradients(p, keyGradients(writes)).map((name) => ({
      name,
      size: name === 'dk' ? D : Dv,
      element: dtype,
    })),
  ];
  const code = `
${headWgsl(f, params, first + outputs.length)}
${storageArray(1, 'read', 'q', D, dtype)}
${storageArray(2, 'read', 'k', D, dtype)}
${storageArray(3, 'read', 'v', Dv, dtype)}
${storageArray(4, 'read', 'dout', Dv, dtype)}
${
  published
    ? `${storageArray(5, 'read', 'out', Dv, dtype)}\n@group(0) @binding(6) var<storage, read> lse: array<u32>;`
    : '@group(0) @binding(5) var<storage, read> rows: array<vec2f>;'
}
${outputs.map(({ name, size, element }, n) => storageArray(first + n, 'read_write', name, size, element)).join('\n')}
var<workgroup> tile_k: array<vec4f, ${bc * D4}>;
var<workgroup> tile_v: array<vec4f, ${bc * Dv4}>;
var<workgroup> tile_dk: array<vec4f, ${bc * D4}>;
var<workgroup> tile_dv: array<vec4f, ${bc * Dv4}>;
var<workgroup> tile_q: array<vec4f, ${br * D4}>;
var<workgroup> tile_dout: array<vec4f, ${br * Dv4}>;
// Scores, then dropout(P); and dS.
var<workgroup> tile_s: array<f32, ${br * bc}>;
var<workgroup> tile_ds: array<f32, ${br * bc}>;
var<workgroup> delta: array<f32, ${br}>;
${loadFunction('q', D, dtype)}
${loadFunction('k', D, dtype)}
${loadFunction('v', Dv, dtype)}
${loadFunction('dout', Dv, dtype)}
${when(published, loadFunction('out', Dv, dtype))}
${when(dq, loadFunction('dq', D) + storeFunction('dq', D))}
${when(dk, storeFunction('dk', D, dtype))}
${when(dv, storeFunction('dv', Dv, dtype, outputs.at(-1)?.name))}
${features4Wgsl(f)}
${dropout4Wgsl(f)}
${dotRowsWgsl('tile_q', 'tile_k', D4)}
${dotRowsWgsl('tile_dout', 'tile_v', Dv4)}

@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) id: vec3u, @builtin(local_invocation_index) lid: u32) {
let hk = (params.first + id.x) % params.Hk;
let b = (params.first + id.x) / params.Hk;
let heads = params.H / params.Hk;
${ownKeysOfHeadWgsl(bc, f)}
${loadRows('k', D, bc, threads)}
${loadRows('v', Dv, bc, threads, valueScale(f).scale)}
${each('e', `${bc * D4}u`, threads)} { tile_dk[e] = vec4f(); }
${each('e', `${bc * Dv4}u`, threads)} { tile_dv[e] = vec4f(); }
${EACH_QUERY_HEAD_WGSL}
for (var i0 = query_begin(seq, j0) / ${br}u * ${br}u; i0 < query_end(seq, j1); i0 += ${br}u) {
  workgroupBarrier();
  ${loadRows('q', D, br, threads, 'to_log2')}
  ${loadRows('dout', Dv, br, threads)}
  let adjusted = ${adjustedWgsl(f, { br, bc })};
  workgroupBarrier();
  // S, and delta, a thread a row
  ${scoresWgsl({ br, bc }, D4, threads)}
  ${each('row', `${br}u`, threads)} {
    var sum = 0.0;
    if (i0 + row < seq.Nq) {
      ${published ? deltaInPlace(Dv4) : `sum = rows[${rowAt('i0 + row')}].y;`}
    }
    delta[row] = sum;
  }
  workgroupBarrier();
  // P and dS
  ${each('e', `${br * bc}u`, threads)} {
    let row = e / ${bc}u;
    let column = e % ${bc}u;
    let i = i0 + row;
    let j = j0 + column;
    // A query that attends to nothing, or is none, has no gradient.
    var empty = i >= seq.Nq;
    var row_lse = 0.0;
    if (!empty) { ${published ? LSE_WGSL : `row_lse = rows[${rowAt('i')}].x;`} }
    let p = select(exp2(min(tile_s[e] - row_lse, 0.0)), 0.0, empty);
    let dp = ${dotRows('tile_dout', 'row', 'tile_v', 'column', Dv4)};
    var ds = p * (kept1(feature_b, feature_h, i, j, dp) - delta[row]);
    ${f.softcap ? softcapSlope(D4) : ''}
    tile_s[e] = dropout1(feature_b, feature_h, i, j, p);
    tile_ds[e] = ds;
  }
  workgroupBarrier();
  ${when(dv, addDv({ br, bc }, Dv4, threads))}
  ${when(dk, addDk({ br, bc }, D4, threads))}
  ${when(dq, addDq({ br, bc }, D4, threads))}
}
}
workgroupBarrier();
${when(dk, storeRows('dk', 'k', `/ ${LOG2_E}`, bc, D4, threads))}
${when(dv, storeRows('dv', 'v', '', bc, Dv4, threads))}
}`;
  return {
    label: 'flash1 backward',
    code,
    access: [
      ...Array.from({ length: first - 1 }, () => 'read' as const),
      ...outputs.map(() => 'read_write' as const),
      ...featureAccess(f),
    ],
  };
}

const rowAt = (i: string): string => `base(b, h, params.rows_strides, seq.q0 + ${i})`;

const LSE_WGSL = `
      let bits = lse[base(b, h, params.lse_strides, seq.q0 + i)];
      empty = bits == ${MINUS_INFINITY_BITS};
      row_lse = select(bitcast<f32>(bits) * ${LOG2_E}, 0.0, empty);`;

const deltaInPlace = (Dv4: number): string => `
      let at = out_base + (i0 + row) * params.out_strides.z;
      for (var d = 0u; d < ${Dv4}u + params.zero; d++) { sum += dot(load_out(at, d), tile_dout[row * ${Dv4}u + d]); }`;

const addDv = ({ br, bc }: Flash1Tile, Dv4: number, threads: number): string => `
  // dV += dropout(P)^T dO
  ${each('e', `${bc * Dv4}u`, threads)} {
    let j = e / ${Dv4}u;
    var sum = vec4f();
    for (var row = 0u; row < ${br}u + params.zero; row++) {
      sum += tile_s[row * ${bc}u + j] * tile_dout[row * ${Dv4}u + e % ${Dv4}u];
    }
    tile_dv[e] += sum;
  }`;

const addDk = ({ br, bc }: Flash1Tile, D4: number, threads: number): string => `
  // dK += dS^T Q, which carries scale and log2(e)
  ${each('e', `${bc * D4}u`, threads)} {
    let j = e / ${D4}u;
    var sum = vec4f();
    for (var row = 0u; row < ${br}u + params.zero; row++) {
      sum += tile_ds[row * ${bc}u + j] * tile_q[row * ${D4}u + e % ${D4}u];
    }
    tile_dk[e] += sum;
  }`;

const addDq = ({ br, bc }: Flash1Tile, D4: number, threads: number): string => `
  // dQ += scale dS K, in memory
  ${each('e', `${br * D4}u`, threads)} {
    let row = e / ${D4}u;
    if (i0 + row < seq.Nq) {
      var sum = vec4f();
      for (var j = 0u; j < ${bc}u + params.zero; j++) {
        sum += tile_ds[row * ${bc}u + j] * tile_k[j * ${D4}u + e % ${D4}u];
      }
      let at = base(b, h, params.dq_strides, seq.q0 + i0 + row);
      store_dq(at, e % ${D4}u, load_dq(at, e % ${D4}u) + params.scale * sum);
    }
  }`;

const storeRows = (name: string, like: string, factor: string, bc: number, width: number, threads: number): string => `
${each('e', `${bc * width}u`, threads)} {
  let j = j0 + e / ${width}u;
  if (j < seq.Nk) { store_${name}(${like}_base + j * params.${like}_strides.z, e % ${width}u, tile_${name}[e] ${factor}); }
}`;

/** dS *= 1 - tanh^2, the score before the soft cap being made once more. */
const softcapSlope = (D4: number): string => `
if (params.softcap > 0.0) {
  ds *= tanh_and_slope(${dotRows('tile_q', 'row', 'tile_k', 'column', D4)} * params.per_softcap).y;
}`;
