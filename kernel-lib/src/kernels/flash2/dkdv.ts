import type { Problem } from '../../api/problem';
import type { Kernel } from '../../device/pipeline-cache';
import { dropped, type ScoreFeatures, stageAdjustments, valueScale } from '../../features/score';
import { type Params, when } from '../../wgsl/params';
import { LN_2 } from '../../wgsl/special-values';
import { stageLength, stageOwn, stageStep, storeOwn } from '../../wgsl/staging';
import { accumulate, declareResult, storeWeights, type TileShape, weightStride } from '../../wgsl/tiles';
import { keyGradientsWgsl, loadRowStates, probabilities, rawGradient, scoreGradients } from './backward-common';
import {
  type AttentionTile,
  EACH_QUERY_HEAD_WGSL,
  cutWgsl,
  enableWgsl,
  mainWgsl,
  ownKeysWgsl,
  rowsOf,
  scoreTile,
} from '../common';

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
 *       P^T = exp2(features(K_j (scale Q_i)^T) - lse_i);  dV += dropout(P)^T dO_i
 *       dP^T = dropout(V_j dO_i^T);  dS^T = P^T * (dP^T - delta_i);  dK += dS^T (scale Q_i)
 *
 * A workgroup owns `bc` keys of one key/value head and adds up the group's query heads itself, so that no two workgroups
 * write the same gradient. Three barriers a tile.
 * @param writes both, or one where the device cannot bind as many tensors
 */
export function dkdvKernel(
  t: AttentionTile,
  p: Problem,
  f: ScoreFeatures,
  params: Params,
  writes: readonly ('dk' | 'dv')[],
): Kernel {
  const { D, Dv } = p;
  const [dk, dv] = [writes.includes('dk'), writes.includes('dv')];
  const scores = scoreTile(t, 'keys', 'weights_ds');
  const { begin, access } = keyGradientsWgsl(enableWgsl(t), p, f, params, writes);
  const code = `
${begin}
var<workgroup> own_k: array<vec4f, ${stageLength(t.own, t.tx, D)}>;
var<workgroup> own_v: array<vec4f, ${stageLength(t.own, t.tx, Dv)}>;
var<workgroup> stage_q: array<vec4f, ${stageLength(t.step, t.tx, D)}>;
var<workgroup> stage_dout: array<vec4f, ${stageLength(t.step, t.tx, Dv)}>;
var<workgroup> weights_p: array<vec4f, ${t.own * weightStride(t)}>;
var<workgroup> weights_ds: array<vec4f, ${t.own * weightStride(t)}>;

${mainWgsl(t)}
${ownKeysWgsl(t.bc, f)}
${stageOwn(t, 'own_k', t.bc, rowsOf('k', D))}
${stageOwn(t, 'own_v', t.bc, { ...rowsOf('v', Dv), ...valueScale(f) })}
${when(dk, declareResult(t, 'acc_k', D))}
${when(dv, declareResult(t, 'acc_v', Dv))}

// From the first tile of queries, counted from query 0, that sees one of these keys.
let begin = query_begin(seq, j0) / ${t.br}u * ${t.br}u;
let end = query_end(seq, j1);
${EACH_QUERY_HEAD_WGSL}
  for (var i0 = begin; i0 < end; i0 += ${t.br}u) {
    workgroupBarrier();
    ${stageStep(t, 'stage_q', t.br, { ...rowsOf('q', D), scale: 'to_log2' })}
    ${stageStep(t, 'stage_dout', t.br, rowsOf('dout', Dv))}
    ${stageAdjustments(f, scores, cutWgsl(t, scores))}
    workgroupBarrier();
    ${loadRowStates(scores)}
    ${probabilities(f, scores, 'own_k', 'stage_q', D)}
    ${when(
      dv,
      storeWeights(t, 'weights_p', (r, c) => dropped(f, scores, r, c, `p_${r}_${c}`)),
    )}
    ${when(dk, scoreGradients(f, scores, 'own_v', 'stage_dout', Dv))}
    ${when(
      dk,
      storeWeights(t, 'weights_ds', (r, c) => rawGradient(f, r, c)),
    )}
    workgroupBarrier();
    // dV += P^T dO; dK += dS^T Q
    ${when(dv, accumulate(t, 'acc_v', 'weights_p', 'stage_dout', Dv))}
    ${when(dk, accumulate(t, 'acc_k', 'weights_ds', 'stage_q', D))}
  }
}

// The staged Q carried log2(e), which dK must not.
${when(
  dk,
  storeOwn(t, 'acc_k', 'own_k', t.bc, rowsOf('dk', D), () => LN_2),
)}
${when(
  dv,
  storeOwn(t, 'acc_v', 'own_v', t.bc, rowsOf('dv', Dv), () => '1.0'),
)}
}`;
  return { label: 'flash2 dkdv', code, access };
}
