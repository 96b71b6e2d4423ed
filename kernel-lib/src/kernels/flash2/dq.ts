import type { Problem } from '../../api/problem';
import type { Kernel } from '../../device/pipeline-cache';
import type { Params } from '../../wgsl/params';
import { LOG2_E } from '../../wgsl/special-values';
import { stageLength, stageOwn, stageStep, storageArray, storeFunction, storeOwn } from '../../wgsl/staging';
import {
  accumulate,
  columnOf,
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
export function dqBytes(t: TileShape, D: number, Dv: number): number {
  const rows = (n: number): number => stageLength(n, t.tx, D) + stageLength(n, t.tx, Dv);
  return 16 * (rows(t.own) + rows(t.step) + t.own * weightStride(t));
}

/**
 * dQ of one tile of queries by recomputation (Dao 2023, Algorithm 2, with the loops exchanged: WGSL has no f32 atomics, so
 * dQ gets a kernel of its own, at the price of computing S and dP twice; in return the result is the same every time).
 *
 *     load Q_i, dO_i, lse_i, delta_i; dQ = 0
 *     for each tile of keys that Q_i sees:
 *       P = exp2(scale Q_i K_j^T - lse_i);  dP = dO_i V_j^T
 *       dS = P * (dP - delta_i);  dQ += dS K_j
 *     dq = scale dQ
 *
 * A workgroup owns `br` queries of one head. Three barriers a tile.
 */
export function dqKernel(t: AttentionTile, { D, Dv }: Problem, params: Params): Kernel {
  const code = `
${backwardWgsl(t, D, Dv, params)}
${storageArray(7, 'read_write', 'dq', D)}
var<workgroup> own_q: array<vec4f, ${stageLength(t.own, t.tx, D)}>;
var<workgroup> own_dout: array<vec4f, ${stageLength(t.own, t.tx, Dv)}>;
var<workgroup> stage_k: array<vec4f, ${stageLength(t.step, t.tx, D)}>;
var<workgroup> stage_v: array<vec4f, ${stageLength(t.step, t.tx, Dv)}>;
var<workgroup> weights: array<vec4f, ${t.own * weightStride(t)}>;
${storeFunction('dq', D)}

${mainWgsl(t)}
let tiles = (params.Nq + ${t.br - 1}u) / ${t.br}u;
let group = params.first + id.x;
let i0 = group % tiles * ${t.br}u;
let h = group / tiles % params.H;
let b = group / tiles / params.H;
let hk = h / (params.H / params.Hk);
let q_base = base(b, h, params.q_strides);
let k_base = base(b, hk, params.k_strides);
let v_base = base(b, hk, params.v_strides);
let to_log2 = params.scale * ${LOG2_E};
${stageOwn(t, 'own_q', t.br, { name: 'q', size: D, base: 'q_base', rowStride: 'params.q_strides.z', row0: 'i0', rows: 'params.Nq', scale: 'to_log2' })}
${stageOwn(t, 'own_dout', t.br, { name: 'dout', size: Dv, base: 'base(b, h, params.out_strides)', rowStride: 'params.out_strides.z', row0: 'i0', rows: 'params.Nq' })}
${eachRow(t, (r) => `let lse${r} = load_lse(b, h, i0 + y0 + ${r}u); let delta${r} = load_delta(b, h, i0 + y0 + ${r}u); let end${r} = key_end(i0 + y0 + ${r}u);`)}
${declareResult(t, 'acc', D)}

let end = key_end(min(i0 + ${t.br}u, params.Nq) - 1u);
for (var j0 = 0u; j0 < end; j0 += ${t.bc}u) {
  workgroupBarrier();
  ${stageStep(t, 'stage_k', t.bc, { name: 'k', size: D, base: 'k_base', rowStride: 'params.k_strides.z', row0: 'j0', rows: 'params.Nk' })}
  ${stageStep(t, 'stage_v', t.bc, { name: 'v', size: Dv, base: 'v_base', rowStride: 'params.v_strides.z', row0: 'j0', rows: 'params.Nk' })}
  workgroupBarrier();
  // P = exp2(S - lse)
  ${innerProducts(t, 'p', 'own_q', 'stage_k', D)}
  ${eachScore(t, (r, c) => `p_${r}_${c} = exp2(p_${r}_${c} - lse${r});`)}
  let cut = ${t.bc < t.step} | (j0 + ${t.bc}u > params.Nk) | !uncut(i0, j0 + ${t.bc - 1}u);
  if (cut) {
    ${eachScore(t, (r, c) => `p_${r}_${c} = select(p_${r}_${c}, 0.0, ${beyond(t, columnOf(t, c), t.bc)}(j0 + ${columnOf(t, c)} >= end${r}));`)}
  }
  // dS = P * (dP - delta)
  ${innerProducts(t, 'ds', 'own_dout', 'stage_v', Dv)}
  ${eachScore(t, (r, c) => `ds_${r}_${c} = p_${r}_${c} * (ds_${r}_${c} - delta${r});`)}
  ${storeWeights(t, 'weights', (r, c) => `ds_${r}_${c}`)}
  workgroupBarrier();
  // dQ += dS K
  ${accumulate(t, 'acc', 'weights', 'stage_k', D)}
}

${storeOwn(t, 'acc', 'own_q', t.br, { name: 'dq', size: D, base: 'q_base', rowStride: 'params.q_strides.z', row0: 'i0', rows: 'params.Nq' }, () => 'params.scale')}
}`;
  return {
    label: 'flash2 dq',
    code,
    access: ['read', 'read', 'read', 'read', 'read', 'read', 'read_write'],
  };
}
