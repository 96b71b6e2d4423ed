import type { Problem } from '../../api/problem';
import type { Kernel } from '../../device/pipeline-cache';
import { dropout4Wgsl, features4Wgsl, type ScoreFeatures } from '../../features/score';
import type { Params } from '../../wgsl/params';
import { START_MAXIMUM } from '../../wgsl/special-values';
import { loadFunction, storageArray, storeFunction } from '../../wgsl/staging';
import { vec4s } from '../../wgsl/tiles';
import { featureAccess, headWgsl } from '../common';
import type { Flash1Tile } from './choose-tile';
import { adjustedWgsl, dotRowsWgsl, each, loadRows, ownKeysOfHeadWgsl, scoresWgsl } from './common';

/**
 * FlashAttention-1 forward (Dao 2022, Algorithm 1), one turn of its outer loop over the keys: a dispatch is a tile of keys, a
 * workgroup a head of it, as published.
 *
 *     load K_j, V_j
 *     for each tile of queries that sees K_j:
 *       load Q_i, O_i, l_i, m_i
 *       S = features(scale Q_i K_j^T);  m~ = rowmax S;  P~ = exp2(S - m~);  l~ = rowsum P~
 *       m' = max(m_i, m~);  l' = exp2(m_i - m') l_i + exp2(m~ - m') l~
 *       O_i = (l_i exp2(m_i - m') O_i + exp2(m~ - m') dropout(P~) V_j) / l'
 *       write O_i, l_i = l', m_i = m'
 *
 * Written for reading, not for speed: a thread makes one score, one row's maximum and sum, or four numbers of O at a time.
 * O is f32 here, whatever is stored in the end: it is read and written for every tile of keys.
 */
export function flash1ForwardKernel(
  { br, bc }: Flash1Tile,
  threads: number,
  { D, Dv, dtype }: Problem,
  f: ScoreFeatures,
  params: Params,
): Kernel {
  const [D4, Dv4] = [vec4s(D), vec4s(Dv)];
  const code = `
${headWgsl(f, params, 6)}
${storageArray(1, 'read', 'q', D, dtype)}
${storageArray(2, 'read', 'k', D, dtype)}
${storageArray(3, 'read', 'v', Dv, dtype)}
${storageArray(4, 'read_write', 'o', Dv)}
@group(0) @binding(5) var<storage, read_write> state: array<vec2f>;
var<workgroup> tile_k: array<vec4f, ${bc * D4}>;
var<workgroup> tile_v: array<vec4f, ${bc * Dv4}>;
var<workgroup> tile_q: array<vec4f, ${br * D4}>;
var<workgroup> tile_s: array<f32, ${br * bc}>;
// What the old O and the new P V are multiplied by.
var<workgroup> factors: array<vec2f, ${br}>;
${loadFunction('q', D, dtype)}
${loadFunction('k', D, dtype)}
${loadFunction('v', Dv, dtype)}
${loadFunction('o', Dv)}
${storeFunction('o', Dv)}
${features4Wgsl(f)}
${dropout4Wgsl(f)}
${dotRowsWgsl('tile_q', 'tile_k', D4)}

@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) id: vec3u, @builtin(local_invocation_index) lid: u32) {
let h = (params.first + id.x) % params.H;
let b = (params.first + id.x) / params.H;
let hk = h / (params.H / params.Hk);
${ownKeysOfHeadWgsl(bc, f)}
${f.packed ? '// The steps of a dense problem are only those that some query sees.\nif (query_begin(seq, j0) >= query_end(seq, j1)) { return; }' : ''}
${loadRows('k', D, bc, threads)}
${loadRows('v', Dv, bc, threads)}
let feature_h = params.h0 + h;
let q_base = base(b, h, params.q_strides, seq.q0);
for (var i0 = query_begin(seq, j0) / ${br}u * ${br}u; i0 < query_end(seq, j1); i0 += ${br}u) {
  workgroupBarrier();
  ${loadRows('q', D, br, threads, 'to_log2')}
  let adjusted = ${adjustedWgsl(f, { br, bc })};
  workgroupBarrier();
  // S
  ${scoresWgsl({ br, bc }, D4, threads)}
  workgroupBarrier();
  // m~, P~, l~ and the new m and l, a thread a row
  ${each('row', `${br}u`, threads)} {
    let i = i0 + row;
    let at = base(b, h, params.rows_strides, seq.q0 + i);
    var m_tile = ${START_MAXIMUM};
    for (var c = 0u; c < ${bc}u + params.zero; c++) { m_tile = max(m_tile, tile_s[row * ${bc}u + c]); }
    var l_tile = 0.0;
    for (var c = 0u; c < ${bc}u + params.zero; c++) {
      let p = exp2(tile_s[row * ${bc}u + c] - m_tile);
      l_tile += p;
      tile_s[row * ${bc}u + c] = dropout1(feature_b, feature_h, i, j0 + c, p);
    }
    if (i < seq.Nq) {
      let m = state[at].x;
      let l = state[at].y;
      let m_new = max(m, m_tile);
      let old = exp2(m - m_new) * l;
      let fresh = exp2(m_tile - m_new);
      let l_new = old + fresh * l_tile;
      // A query that has seen nothing yet has l = 0.
      let weight = select(1.0 / l_new, 0.0, m_new == ${START_MAXIMUM});
      state[at] = vec2f(m_new, l_new);
      factors[row] = vec2f(old, fresh) * weight;
    }
  }
  workgroupBarrier();
  // O
  ${each('e', `${br * Dv4}u`, threads)} {
    let row = e / ${Dv4}u;
    let d = e % ${Dv4}u;
    if (i0 + row < seq.Nq) {
      var sum = vec4f();
      for (var c = 0u; c < ${bc}u + params.zero; c++) { sum += tile_s[row * ${bc}u + c] * tile_v[c * ${Dv4}u + d]; }
      let at = base(b, h, params.sum_strides, seq.q0 + i0 + row);
      store_o(at, d, factors[row].x * load_o(at, d) + factors[row].y * sum);
    }
  }
}
}`;
  return {
    label: 'flash1 forward',
    code,
    access: ['read', 'read', 'read', 'read_write', 'read_write', ...featureAccess(f)],
  };
}
