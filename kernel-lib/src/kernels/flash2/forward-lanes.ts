import type { Problem } from '../../api/problem';
import type { Kernel } from '../../device/pipeline-cache';
import { firstKeyWgsl, fromCache } from '../../features/key-cache';
import { declareOwn, laneDropped, laneFeatures, laneHead, laneScore, type LaneScore } from '../../features/lane-score';
import type { ScoreFeatures } from '../../features/score';
import {
  declareRows,
  eachRowGroup,
  groupAt,
  laneLoop,
  laneMainWgsl,
  loadRows,
  ownRows,
  partOf,
  rowArray,
  rowGroups,
  rowPart,
  rowType,
  storeRows,
} from '../../wgsl/lane-tile';
import { laneAccumulate, laneProducts, loadStep, oneByOne, productsOneByOne } from '../../wgsl/lanes';
import { type Params, range } from '../../wgsl/params';
import { declareStep, keepStep } from '../../wgsl/quads';
import { LN_2, MINUS_INFINITY_BITS, START_MAXIMUM } from '../../wgsl/special-values';
import { groupRowsOf, ownGroupsWgsl, ownQueriesWgsl, rowsOf } from '../common';
import type { AttentionLanes } from './choose-tile';
import { forwardAccess, type ForwardVariant, forwardWgsl, keyRangeWgsl, nextMaximum } from './forward-common';

/**
 * FlashAttention-2 forward (Dao 2023, Algorithm 1) as lane tiles (wgsl/lane-tile.ts); forward.ts is the same for a GPU.
 *
 *     for each lane its queries q, m = -inf, l = 0, acc = 0
 *     for each step of keys that some query of the workgroup sees:
 *       s = features(scale q.k)                   (in log2 units)
 *       m' = next m;  alpha = exp2(m - m');  p = exp2(s - m')   (nextMaximum)
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
  const queries = packed ? ownGroupsWgsl(ownRows(t), f, split) : ownQueriesWgsl(ownRows(t), f, split);
  const rows = packed ? groupRowsOf : rowsOf;
  const k = fromCache(rowsOf('k', D), keys);
  const v = fromCache(rowsOf('v', Dv), keys);
  const columns = range(t.step);
  const softmax = (g: number): string => `{
  ${columns.map((c) => `let s${c} = ${laneScore(f, scores, 's', g, c)};`).join(' ')}
  let top = ${columns.map((c) => `s${c}`).reduce((top, score) => `max(${top}, ${score})`)};
  let next = ${nextMaximum(`m[${g}]`, 'top', rowType(t))};
  alpha[${g}] = exp2(m[${g}] - next);
  m[${g}] = next;
  ${columns.map((c) => `let p${c} = exp2(s${c} - next);`).join(' ')}
  l[${g}] = ${columns.reduce((sum, c) => `${sum} + p${c}`, `l[${g}] * alpha[${g}]`)};
  ${columns.map((c) => `s[${groupAt(t, c, g)}] = ${laneDropped(f, scores, g, c, `p${c}`)};`).join(' ')}
}`;
  const writeLse = (r: number): string => {
    const part = (array: string): string => partOf(t, array, 0, r);
    return `if (${part('own_row')} < seq.Nq) {
    let value = (${part('m')} + log2(${part('l')})) * ${LN_2};
    lse[base(result_b, ${laneHead(scores, r)}, params.lse_strides, seq.q0 + ${part('own_row')})] =
      select(bitcast<u32>(value), ${MINUS_INFINITY_BITS}, ${part('m')} == ${START_MAXIMUM});
  }`;
  };
  const code = `
${forwardWgsl('enable subgroups;', p, f, params, variant)}

${laneMainWgsl(t)}
${queries}
${firstKeyWgsl(keys)}
${declareRows(t, 'own_q', D)}
${declareRows(t, 'acc', Dv)}
${loadRows(t, 'own_q', { ...rows('q', D), scale: 'to_log2' })}
${declareOwn(f, scores)}
${rowArray(t, 'm', 1)}
${rowArray(t, 'l', 1)}
${rowArray(t, 'alpha', 1)}
${laneLoop(t, 'g', rowGroups(t), (g) => `m[${g}] = ${rowType(t)}(${START_MAXIMUM}); l[${g}] = ${rowType(t)}(); alpha[${g}] = l[${g}];`)}
${rowArray(t, 's', t.step)}
${declareStep(t, v)}

${keyRangeWgsl(t.step, variant)}
for (var j0 = begin; j0 < end; j0 += ${t.step}u) {
  ${oneByOne(t, k) ? productsOneByOne(t, 's', 'own_q', k) : loadStep(t, k)}
  // What is loaded is loaded first: what comes then is one block of arithmetic.
  ${loadStep(t, v)}
  ${oneByOne(t, k) ? '' : laneProducts(t, 's', 'own_q', k)}
  ${laneFeatures(f, scores, 's')}
  ${eachRowGroup(t, softmax)}
  ${keepStep(t, v)}
  ${laneAccumulate(t, 'acc', 's', v, (g) => `alpha[${g}]`)}
}

${range(t.rows).map(writeLse).join('\n')}
${rowArray(t, 'weights', 1)}
${eachRowGroup(t, (g) => `weights[${g}] = select(1.0 / l[${g}], ${rowType(t)}(), m[${g}] == ${rowType(t)}(${START_MAXIMUM}));`)}
${storeRows(t, 'acc', rows('out', Dv), (e) => rowPart(t, 'weights[g]', e))}
}`;
  return { label: 'flash2 forward', code, access: forwardAccess(f, variant) };
}
