import type { Problem } from '../../api/problem';
import type { Kernel } from '../../device/pipeline-cache';
import { type ScoreFeatures, stageAdjustments, valueScale } from '../../features/score';
import type { Params } from '../../wgsl/params';
import { stageLength, stageOwn, stageStep, storageArray, storeFunction, storeOwn } from '../../wgsl/staging';
import { accumulate, declareResult, storeWeights, type TileShape, weightStride } from '../../wgsl/tiles';
import { backwardWgsl, loadRowStates, probabilities, rawGradient, scoreGradients } from './backward-common';
import {
  type AttentionTile,
  cutWgsl,
  enableWgsl,
  featureAccess,
  mainWgsl,
  ownQueriesWgsl,
  rowsOf,
  scoreTile,
} from '../common';

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
 *       P = exp2(features(scale Q_i K_j^T) - lse_i);  dP = dropout(dO_i V_j^T)
 *       dS = P * (dP - delta_i);  dQ += dS K_j
 *     dq = scale dQ
 *
 * A workgroup owns `br` queries of one head. Three barriers a tile.
 */
export function dqKernel(t: AttentionTile, p: Problem, f: ScoreFeatures, params: Params): Kernel {
  const { D, Dv, dtype } = p;
  const scores = scoreTile(t, 'queries', 'weights');
  const code = `
${backwardWgsl(enableWgsl(t), p, f, params, 7)}
${storageArray(6, 'read_write', 'dq', D, dtype)}
var<workgroup> own_q: array<vec4f, ${stageLength(t.own, t.tx, D)}>;
var<workgroup> own_dout: array<vec4f, ${stageLength(t.own, t.tx, Dv)}>;
var<workgroup> stage_k: array<vec4f, ${stageLength(t.step, t.tx, D)}>;
var<workgroup> stage_v: array<vec4f, ${stageLength(t.step, t.tx, Dv)}>;
var<workgroup> weights: array<vec4f, ${t.own * weightStride(t)}>;
${storeFunction('dq', D, dtype)}

${mainWgsl(t)}
${ownQueriesWgsl(t.br, f)}
${stageOwn(t, 'own_q', t.br, { ...rowsOf('q', D), scale: 'to_log2' })}
${stageOwn(t, 'own_dout', t.br, rowsOf('dout', Dv))}
${loadRowStates(scores)}
${declareResult(t, 'acc', D)}

let end = key_end(seq, i1);
for (var j0 = key_begin(seq, i0) / ${t.bc}u * ${t.bc}u; j0 < end; j0 += ${t.bc}u) {
  workgroupBarrier();
  ${stageStep(t, 'stage_k', t.bc, rowsOf('k', D))}
  ${stageStep(t, 'stage_v', t.bc, { ...rowsOf('v', Dv), ...valueScale(f) })}
  ${stageAdjustments(f, scores, cutWgsl(t, scores))}
  workgroupBarrier();
  ${probabilities(f, scores, 'own_q', 'stage_k', D)}
  ${scoreGradients(f, scores, 'own_dout', 'stage_v', Dv)}
  ${storeWeights(t, 'weights', (r, c) => rawGradient(f, r, c))}
  workgroupBarrier();
  // dQ += dS K
  ${accumulate(t, 'acc', 'weights', 'stage_k', D)}
}

${storeOwn(t, 'acc', 'own_q', t.br, rowsOf('dq', D), () => 'params.scale')}
}`;
  return {
    label: 'flash2 dq',
    code,
    access: ['read', 'read', 'read', 'read', 'read', 'read_write', ...featureAccess(f)],
  };
}
