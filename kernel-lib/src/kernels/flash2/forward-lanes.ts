import type { Problem } from '../../api/problem';
import type { Kernel } from '../../device/pipeline-cache';
import { firstKeyWgsl, fromCache, keySourceWgsl, scaleBuffers } from '../../features/key-cache';
import { applyLaneFeatures, declareOwn, drawLaneDropout, laneDropped, type LaneScore } from '../../features/lane-score';
import { scoreBuffers, type ScoreFeatures } from '../../features/score';
import {
  declareRows,
  eachLaneRow,
  eachLaneScore,
  laneAccumulate,
  laneMainWgsl,
  laneProducts,
  type LaneTile,
  loadRows,
  loadStep,
  ownRows,
  storeRows,
} from '../../wgsl/lanes';
import type { Params } from '../../wgsl/params';
import { LN_2, MINUS_INFINITY_BITS, START_MAXIMUM } from '../../wgsl/special-values';
import { loadFunction, storageArray, storeFunction } from '../../wgsl/staging';
import { featureAccess, headWgsl, ownQueriesWgsl, rowsOf } from '../common';
import { type ForwardVariant, keyRangeWgsl } from './forward';

/**
 * FlashAttention-2 forward (Dao 2023, Algorithm 1) as lane tiles (wgsl/lanes.ts); forward.ts is the same for a GPU.
 *
 *     for each lane its queries q, m = -inf, l = 0, acc = 0
 *     for each step of keys that some query of the workgroup sees:
 *       s = features(scale q.k)                   (in log2 units)
 *       m' = max(m, s);  alpha = exp2(m - m');  p = exp2(s - m')
 *       l = alpha l + p;  acc = alpha acc + dropout(p) v;  m = m'
 *     out = acc / l;  lse = ln 2 (m + log2 l)
 *
 * No score is shared between lanes, so that nothing waits; the mask is two comparisons a score, less than another loop would take.
 */
export function forwardLanesKernel(
  t: LaneTile,
  { D, Dv, dtype }: Problem,
  f: ScoreFeatures,
  params: Params,
  { keys, split }: ForwardVariant,
): Kernel {
  const out = split ? 'f32' : dtype;
  const scores: LaneScore = { tile: t, own: 'queries' };
  const columns = Array.from({ length: t.step }, (_, c) => c);
  const most = (r: number): string => columns.reduce((top, c) => `max(${top}, s_${r}_${c})`, `m${r}`);
  const code = `
enable subgroups;
${headWgsl(f, params, 6)}
${storageArray(1, 'read', 'q', D, dtype)}
${keySourceWgsl(keys, 6 + scoreBuffers(f).length)}
${storageArray(2, 'read', 'k', D, keys.element)}
${storageArray(3, 'read', 'v', Dv, keys.element)}
${storageArray(4, 'read_write', 'out', Dv, out)}
@group(0) @binding(5) var<storage, read_write> lse: array<u32>;
${loadFunction('q', D, dtype)}
${loadFunction('k', D, keys.element)}
${loadFunction('v', Dv, keys.element)}
${storeFunction('out', Dv, out)}

${laneMainWgsl(t)}
${ownQueriesWgsl(ownRows(t), f, split)}
${firstKeyWgsl(keys)}
${declareRows(t, 'own_q', D)}
${declareRows(t, 'acc', Dv)}
${loadRows(t, 'own_q', { ...rowsOf('q', D), scale: 'to_log2' })}
${declareOwn(scores)}
${eachLaneRow(t, (r) => `var m${r} = ${START_MAXIMUM}; var l${r} = 0.0;`)}

${keyRangeWgsl(t.step, split)}
for (var j0 = begin; j0 < end; j0 += ${t.step}u) {
  // Both are loaded first: what comes then is one block of arithmetic.
  ${loadStep(t, 'k', fromCache(rowsOf('k', D), keys))}
  ${loadStep(t, 'v', fromCache(rowsOf('v', Dv), keys))}
  ${laneProducts(t, 's', 'own_q', 'k', D)}
  ${applyLaneFeatures(f, scores, 's')}
  ${eachLaneRow(t, (r) => `let top${r} = ${most(r)}; let alpha${r} = exp2(m${r} - top${r}); m${r} = top${r}; l${r} *= alpha${r};`)}
  ${eachLaneScore(t, (r, c) => `s_${r}_${c} = exp2(s_${r}_${c} - top${r}); l${r} += s_${r}_${c};`)}
  ${drawLaneDropout(f, scores)}
  ${eachLaneScore(t, (r, c) => `let p_${r}_${c} = ${laneDropped(f, r, c, `s_${r}_${c}`)};`)}
  ${laneAccumulate(
    t,
    'acc',
    'v',
    Dv,
    (r, c) => `p_${r}_${c}`,
    (r) => `alpha${r}`,
  )}
}

var weights: array<f32, ${t.rows}>;
${eachLaneRow(
  t,
  (r) => `{
  let empty = m${r} == ${START_MAXIMUM};
  weights[${r}] = select(1.0 / l${r}, 0.0, empty);
  if (own${r} < seq.Nq) {
    let value = (m${r} + log2(l${r})) * ${LN_2};
    lse[base(result_b, h, params.lse_strides, seq.q0 + own${r})] = select(bitcast<u32>(value), ${MINUS_INFINITY_BITS}, empty);
  }
}`,
)}
${storeRows(t, 'acc', rowsOf('out', Dv), 'weights[r]')}
}`;
  return {
    label: 'flash2 forward',
    code,
    access: [
      ...(['read', 'read', 'read', 'read_write', 'read_write'] as const),
      ...featureAccess(f),
      ...scaleBuffers(keys).map(() => 'read' as const),
    ],
  };
}
