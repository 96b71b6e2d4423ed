import type { Problem } from '../../api/problem';
import type { Kernel } from '../../device/pipeline-cache';
import { firstKeyWgsl, fromCache } from '../../features/key-cache';
import { applyFeatures, drawDropout, dropped, type ScoreFeatures, stageAdjustments } from '../../features/score';
import type { Params } from '../../wgsl/params';
import { LN_2, MINUS_INFINITY_BITS, START_MAXIMUM } from '../../wgsl/special-values';
import { collect, publish, reduceVec4s, reduceWgsl } from '../../wgsl/reduce-rows';
import { stageLength, stageOwn, stageStep, storeOwn } from '../../wgsl/staging';
import {
  accumulate,
  columnsPerThread,
  declareResult,
  eachRow,
  innerProducts,
  resultColumns,
  storeWeights,
  type TileShape,
  weightStride,
} from '../../wgsl/tiles';
import {
  type AttentionTile,
  cutWgsl,
  enableWgsl,
  groupRowsOf,
  mainWgsl,
  ownGroupsWgsl,
  ownQueriesWgsl,
  rowsOf,
  scoreTile,
} from '../common';
import { forwardAccess, type ForwardVariant, forwardWgsl, keyRangeWgsl, nextMaximum } from './forward-common';

/** Bytes of workgroup memory. */
export function forwardBytes(t: TileShape, D: number, Dv: number): number {
  const vec4s =
    stageLength(t.own, t.tx, D, Dv) + stageLength(t.step, t.tx, D, Dv) + t.own * weightStride(t) + reduceVec4s(t);
  return 16 * vec4s;
}

/**
 * FlashAttention-2 forward (Dao 2023, Algorithm 1): out and lse of one tile of queries.
 *
 *     load Q_i; m = -inf; l = 0; acc = 0
 *     for each tile of keys that Q_i sees:
 *       S = features(scale Q_i K_j^T)             (in log2 units: the factor log2(e) is folded into Q)
 *       m' = next m, by rowmax S (nextMaximum);  P = exp2(S - m');  alpha = exp2(m - m')
 *       l = alpha l + rowsum P;  acc = alpha acc + dropout(P) V_j;  m = m'
 *     out = acc / l;  lse = ln 2 (m + log2 l)
 *
 * A workgroup owns `br` queries of one head, or where queries are few, of each head of a group. Thread (x, y) holds, in registers, its part of S and acc (see wgsl/tiles.ts),
 * m of its rows, and l over its own columns only: the columns are added up once, at the end. K_j and V_j share one buffer.
 * Four barriers a tile. Workgroup memory: see forwardBytes.
 */
export function forwardKernel(
  t: AttentionTile,
  p: Problem,
  f: ScoreFeatures,
  params: Params,
  variant: ForwardVariant,
): Kernel {
  const { D, Dv } = p;
  const { keys, split } = variant;
  const columns = Array.from({ length: columnsPerThread(t) }, (_, c) => c);
  const outColumns = Array.from({ length: resultColumns(t, Dv) }, (_, c) => c);
  const scores = scoreTile(t, 'queries', 'weights');
  const { packed = false } = t;
  // How many of the own rows take part, and where they lie.
  const used = packed ? t.own : t.br;
  const own = packed ? groupRowsOf : rowsOf;
  const code = `
${forwardWgsl(enableWgsl(t), p, f, params, variant)}
var<workgroup> own: array<vec4f, ${stageLength(t.own, t.tx, D, Dv)}>;
var<workgroup> stage: array<vec4f, ${stageLength(t.step, t.tx, D, Dv)}>;
var<workgroup> weights: array<vec4f, ${t.own * weightStride(t)}>;
${reduceWgsl(t)}

${mainWgsl(t)}
${packed ? ownGroupsWgsl(t.own, f, split) : ownQueriesWgsl(t.br, f, split)}
${firstKeyWgsl(keys)}
${stageOwn(t, 'own', used, { ...own('q', D), scale: 'to_log2' })}
${eachRow(t, (r) => `var m${r} = ${START_MAXIMUM}; var l${r} = 0.0;`)}
${declareResult(t, 'acc', Dv)}

${keyRangeWgsl(t.bc, variant)}
for (var j0 = begin; j0 < end; j0 += ${t.bc}u) {
  workgroupBarrier();
  ${stageStep(t, 'stage', t.bc, fromCache(rowsOf('k', D), keys))}
  ${stageAdjustments(f, scores, cutWgsl(t, scores))}
  workgroupBarrier();
  // S = features(scale Q K^T)
  ${innerProducts(t, 's', 'own', 'stage', D)}
  ${applyFeatures(f, scores, 's')}
  // Row maxima, first over the thread's columns, then over the threads of a row
  ${eachRow(t, (r) => `let top${r} = ${columns.map((c) => `s_${r}_${c}`).reduce((a, s) => `max(${a}, ${s})`)};`)}
  ${publish(t, (r) => `top${r}`)}
  workgroupBarrier();
  ${stageStep(t, 'stage', t.bc, fromCache(rowsOf('v', Dv), keys))}
  ${eachRow(
    t,
    (r) => `{
    let most = ${collect(t, r, 'max', `top${r}`)};
    let next = ${nextMaximum(`m${r}`, 'most')};
    let alpha = exp2(m${r} - next);
    m${r} = next;
    l${r} *= alpha;
    ${outColumns.map((c) => `acc_${r}_${c} *= alpha;`).join(' ')}
    ${columns.map((c) => `s_${r}_${c} = exp2(s_${r}_${c} - next); l${r} += s_${r}_${c};`).join(' ')}
  }`,
  )}
  ${drawDropout(f, scores)}
  ${storeWeights(t, 'weights', (r, c) => dropped(f, scores, r, c, `s_${r}_${c}`))}
  workgroupBarrier();
  // acc += P V
  ${accumulate(t, 'acc', 'weights', 'stage', Dv)}
}

workgroupBarrier();
${t.sx < t.tx ? eachRow(t, (r) => `if (x >= ${t.sx}u) { l${r} = 0.0; }`) : ''}
${publish(t, (r) => `l${r}`)}
workgroupBarrier();
${eachRow(
  t,
  (r) => `let sum${r} = ${collect(t, r, 'sum', `l${r}`)};
let empty${r} = m${r} == ${START_MAXIMUM};
let weight${r} = select(1.0 / sum${r}, 0.0, empty${r});
if ((x == 0u) & (y0 + ${r}u < ${used}u) & (${packed ? `e0 + y0 + ${r}u < rows_own` : `i0 + y0 + ${r}u < seq.Nq`})) {
  let value = (m${r} + log2(sum${r})) * ${LN_2};
  ${packed ? `let h = hk * heads + (e0 + y0 + ${r}u) % heads;` : ''}
  let i = ${packed ? `(e0 + y0 + ${r}u) / heads` : `i0 + y0 + ${r}u`};
  lse[base(result_b, h, params.lse_strides, seq.q0 + i)] = select(bitcast<u32>(value), ${MINUS_INFINITY_BITS}, empty${r});
}`,
)}
${storeOwn(t, 'acc', 'own', used, own('out', Dv), (r) => `weight${r}`)}
}`;
  return { label: 'flash2 forward', code, access: forwardAccess(f, variant) };
}
