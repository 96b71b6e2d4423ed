import type { Problem } from '../../api/problem';
import type { Kernel } from '../../device/pipeline-cache';
import { firstKeyWgsl, fromCache } from '../../features/key-cache';
import { applyLaneFeatures, declareOwn, laneDropped, type LaneScore } from '../../features/lane-score';
import type { ScoreFeatures } from '../../features/score';
import {
  declareRows,
  eachLaneRow,
  eachLaneScore,
  laneAccumulate,
  laneMainWgsl,
  laneProducts,
  loadRows,
  loadStep,
  ownRows,
  storeRows,
} from '../../wgsl/lanes';
import type { Params } from '../../wgsl/params';
import { LN_2, MINUS_INFINITY_BITS, START_MAXIMUM } from '../../wgsl/special-values';
import { groupRowsOf, ownGroupsWgsl, ownQueriesWgsl, rowsOf } from '../common';
import type { AttentionLanes } from './choose-tile';
import { forwardAccess, type ForwardVariant, forwardWgsl, keyRangeWgsl } from './forward-common';

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
 * Where queries are few, the heads of a group share a workgroup, and so each key and value that it loads.
 *
 * No score is shared between lanes, so that nothing waits; the mask is two comparisons a score, less than another loop would take.
 */
export function forwardLanesKernel(
  t: AttentionLanes,
  p: Problem,
  f: ScoreFeatures,
  params: Params,
  variant: ForwardVariant,
): Kernel {
  const { D, Dv } = p;
  const { keys, split } = variant;
  const { packed } = t;
  const scores: LaneScore = { tile: t, own: 'queries', packed };
  const columns = Array.from({ length: t.step }, (_, c) => c);
  const most = (r: number): string => columns.reduce((top, c) => `max(${top}, s_${r}_${c})`, `m${r}`);
  const code = `
${forwardWgsl('enable subgroups;', p, f, params, variant)}

${laneMainWgsl(t)}
${packed ? ownGroupsWgsl(ownRows(t), f, split) : ownQueriesWgsl(ownRows(t), f, split)}
${firstKeyWgsl(keys)}
${declareRows(t, 'own_q', D)}
${declareRows(t, 'acc', Dv)}
${loadRows(t, 'own_q', { ...(packed ? groupRowsOf : rowsOf)('q', D), scale: 'to_log2' })}
${declareOwn(scores)}
${eachLaneRow(t, (r) => `var m${r} = ${START_MAXIMUM}; var l${r} = 0.0;`)}

${keyRangeWgsl(t.step, variant)}
for (var j0 = begin; j0 < end; j0 += ${t.step}u) {
  // Both are loaded first: what comes then is one block of arithmetic.
  ${loadStep(t, 'k', fromCache(rowsOf('k', D), keys))}
  ${loadStep(t, 'v', fromCache(rowsOf('v', Dv), keys))}
  ${laneProducts(t, 's', 'own_q', 'k', D)}
  ${applyLaneFeatures(f, scores, 's')}
  ${eachLaneRow(t, (r) => `let top${r} = ${most(r)}; let alpha${r} = exp2(m${r} - top${r}); m${r} = top${r}; l${r} *= alpha${r};`)}
  ${eachLaneScore(t, (r, c) => `s_${r}_${c} = exp2(s_${r}_${c} - top${r}); l${r} += s_${r}_${c};`)}
  ${eachLaneScore(t, (r, c) => `let p_${r}_${c} = ${laneDropped(f, scores, r, c, `s_${r}_${c}`)};`)}
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
    lse[base(result_b, h${r}, params.lse_strides, seq.q0 + own${r})] = select(bitcast<u32>(value), ${MINUS_INFINITY_BITS}, empty);
  }
}`,
)}
${storeRows(t, 'acc', (packed ? groupRowsOf : rowsOf)('out', Dv), 'weights[r]')}
}`;
  return { label: 'flash2 forward', code, access: forwardAccess(f, variant) };
}
