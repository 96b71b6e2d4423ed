import type { Problem } from '../../api/problem';
import type { Kernel } from '../../device/pipeline-cache';
import type { Params } from '../../wgsl/params';
import { LN_2, LOG2_E } from '../../wgsl/special-values';
import { stageLength, stageOwn, stageStep, storageArray, storeFunction, storeOwn } from '../../wgsl/staging';
import {
  accumulate,
  columnOf,
  columnsPerThread,
  declareResult,
  eachRow,
  eachScore,
  innerProducts,
  storeWeights,
  type TileShape,
  weightStride,
} from '../../wgsl/tiles';
import { backwardWgsl } from './backward-common';
import { type AttentionTile, beyond, mainWgsl } from './common';

/** Bytes of workgroup memory. */
export function dkdvBytes(t: TileShape, D: number, Dv: number): number {
  const rows = (n: number): number => stageLength(n, t.tx, D) + stageLength(n, t.tx, Dv);
  return 16 * (rows(t.own) + rows(t.step) + 2 * t.own * weightStride(t));
}

/**
 * dK and dV of one tile of keys by recomputation (Dao 2023, Algorithm 2). Here the keys stay and the queries pass by:
 * `own` holds `bc` keys, a step `br` queries, and all matrices are transposed.
 *
 *     load K_j, V_j; dK = dV = 0
 *     for each query head of the group, for each tile of queries that sees K_j:
 *       P^T = exp2(K_j (scale Q_i)^T - lse_i);  dV += P^T dO_i
 *       dP^T = V_j dO_i^T;  dS^T = P^T * (dP^T - delta_i);  dK += dS^T (scale Q_i)
 *
 * A workgroup owns `bc` keys of one key/value head and adds up the group's query heads itself, so that no two workgroups
 * write the same gradient. Three barriers a tile.
 */
export function dkdvKernel(t: AttentionTile, { D, Dv }: Problem, params: Params): Kernel {
  const columns = Array.from({ length: columnsPerThread(t) }, (_, c) => c);
  const code = `
${backwardWgsl(t, D, Dv, params)}
${storageArray(7, 'read_write', 'dk', D)}
${storageArray(8, 'read_write', 'dv', Dv)}
var<workgroup> own_k: array<vec4f, ${stageLength(t.own, t.tx, D)}>;
var<workgroup> own_v: array<vec4f, ${stageLength(t.own, t.tx, Dv)}>;
var<workgroup> stage_q: array<vec4f, ${stageLength(t.step, t.tx, D)}>;
var<workgroup> stage_dout: array<vec4f, ${stageLength(t.step, t.tx, Dv)}>;
var<workgroup> weights_p: array<vec4f, ${t.own * weightStride(t)}>;
var<workgroup> weights_ds: array<vec4f, ${t.own * weightStride(t)}>;
${storeFunction('dk', D)}
${storeFunction('dv', Dv)}

${mainWgsl(t)}
let tiles = (params.Nk + ${t.bc - 1}u) / ${t.bc}u;
let group = params.first + id.x;
let j0 = group % tiles * ${t.bc}u;
let hk = group / tiles % params.Hk;
let b = group / tiles / params.Hk;
let heads = params.H / params.Hk;
let k_base = base(b, hk, params.k_strides);
let v_base = base(b, hk, params.v_strides);
let to_log2 = params.scale * ${LOG2_E};
${stageOwn(t, 'own_k', t.bc, { name: 'k', size: D, base: 'k_base', rowStride: 'params.k_strides.z', row0: 'j0', rows: 'params.Nk' })}
${stageOwn(t, 'own_v', t.bc, { name: 'v', size: Dv, base: 'v_base', rowStride: 'params.v_strides.z', row0: 'j0', rows: 'params.Nk' })}
${declareResult(t, 'acc_k', D)}
${declareResult(t, 'acc_v', Dv)}
${eachRow(t, (r) => `let begin${r} = query_begin(j0 + y0 + ${r}u);`)}

// From the first tile of queries, counted from query 0, that sees one of these keys.
let begin = query_begin(j0) / ${t.br}u * ${t.br}u;
for (var h = hk * heads; h < (hk + 1u) * heads; h++) {
  let q_base = base(b, h, params.q_strides);
  let out_base = base(b, h, params.out_strides);
  for (var i0 = begin; i0 < params.Nq; i0 += ${t.br}u) {
    workgroupBarrier();
    ${stageStep(t, 'stage_q', t.br, { name: 'q', size: D, base: 'q_base', rowStride: 'params.q_strides.z', row0: 'i0', rows: 'params.Nq', scale: 'to_log2' })}
    ${stageStep(t, 'stage_dout', t.br, { name: 'dout', size: Dv, base: 'out_base', rowStride: 'params.out_strides.z', row0: 'i0', rows: 'params.Nq' })}
    workgroupBarrier();
    // P^T = exp2(S^T - lse)
    ${innerProducts(t, 'p', 'own_k', 'stage_q', D)}
    ${columns.map((c) => `let lse${c} = load_lse(b, h, i0 + ${columnOf(t, c)}); let delta${c} = load_delta(b, h, i0 + ${columnOf(t, c)});`).join('\n')}
    ${eachScore(t, (r, c) => `p_${r}_${c} = exp2(p_${r}_${c} - lse${c});`)}
    let cut = ${t.br < t.step} | (i0 + ${t.br}u > params.Nq) | !uncut(i0, j0 + ${t.bc - 1}u);
    if (cut) {
      ${eachScore(t, (r, c) => `p_${r}_${c} = select(p_${r}_${c}, 0.0, ${beyond(t, columnOf(t, c), t.br)}(i0 + ${columnOf(t, c)} < begin${r}) | (i0 + ${columnOf(t, c)} >= params.Nq));`)}
    }
    ${storeWeights(t, 'weights_p', (r, c) => `p_${r}_${c}`)}
    // dS^T = P^T * (dP^T - delta)
    ${innerProducts(t, 'ds', 'own_v', 'stage_dout', Dv)}
    ${eachScore(t, (r, c) => `ds_${r}_${c} = p_${r}_${c} * (ds_${r}_${c} - delta${c});`)}
    ${storeWeights(t, 'weights_ds', (r, c) => `ds_${r}_${c}`)}
    workgroupBarrier();
    // dV += P^T dO; dK += dS^T Q
    ${accumulate(t, 'acc_v', 'weights_p', 'stage_dout', Dv)}
    ${accumulate(t, 'acc_k', 'weights_ds', 'stage_q', D)}
  }
}

// The staged Q carried log2(e), which dK must not.
${storeOwn(t, 'acc_k', 'own_k', t.bc, { name: 'dk', size: D, base: 'k_base', rowStride: 'params.k_strides.z', row0: 'j0', rows: 'params.Nk' }, () => LN_2)}
${storeOwn(t, 'acc_v', 'own_v', t.bc, { name: 'dv', size: Dv, base: 'v_base', rowStride: 'params.v_strides.z', row0: 'j0', rows: 'params.Nk' }, () => '1.0')}
}`;
  return {
    label: 'flash2 dkdv',
    code,
    access: ['read', 'read', 'read', 'read', 'read', 'read', 'read_write', 'read_write'],
  };
}
