import type { Problem } from '../../api/problem';
import type { Kernel } from '../../device/pipeline-cache';
import {
  drawMatrixDropout,
  keptOf,
  type MatrixScore,
  matrixScores,
  matrixScoreWgsl,
} from '../../features/matrix-score';
import { keySource } from '../../features/key-cache';
import { scoreBuffers, type ScoreFeatures } from '../../features/score';
import { byEights, load8, store8 } from '../../wgsl/eights';
import { enableMatrices } from '../../wgsl/matrix-types';
import {
  accumulateFrom,
  declareFetch,
  declareResults,
  declareStage,
  eachLaneRowOf,
  fetchStep,
  largestOfRow,
  loadOwnMatrices,
  matrixMain,
  matrixModule,
  overRow,
  packedWeights,
  productsInto,
  putStep,
  scaleResults,
  scoreVec4,
  storeResults,
  storeWeights,
} from '../../wgsl/matrices';
import { vec4sPerLane } from '../../wgsl/matrix-tile';
import { type Params, range } from '../../wgsl/params';
import { LN_2, MINUS_INFINITY_BITS, START_MAXIMUM } from '../../wgsl/special-values';
import { bandCut, ownQueriesWgsl, rowsOf } from '../common';
import type { AttentionMatrices } from './choose-matrices';
import { forwardAccess, forwardWgsl, keyRangeWgsl } from './forward-common';
import { perScale, scaleAccess, scaleOf, scalesWgsl } from './float-parts';

/**
 * Weights are exp2(s - m) with m this much (in log2) below the maximum at which it was set: halves keep more of small weights.
 */
const LIFT = 7;
/** How far a score may rise above m before m follows: weights are at most 2^15, which a half still holds. */
const RISE = 15;

/**
 * FlashAttention-2 forward (Dao 2023, Algorithm 1) on matrix units (wgsl/matrices.ts); forward.ts is the same for plain arithmetic.
 *
 *     load Q_i; m = -inf; l = 0; acc = 0; S = scale Q_i K_0^T
 *     for each step of keys that Q_i sees:
 *       lanes:    s = features(S);  where some s > m + RISE: m' = max s - LIFT, alpha = exp2(m - m'), l = alpha l;  else alpha = 1
 *                 p = exp2(s - m);  l = l + rowsum p;  P = dropout(p) as halves
 *       matrices: where some alpha is not 1: acc = alpha acc;  acc = acc + P V_j;  S = scale Q_i K_j+1^T
 *     out = acc / l;  lse = ln 2 (m + log2 l)
 *
 * m need not be the maximum: out and lse are the same for any m, as long as no weight is too large for a half. Dropout's factor waits for the end for the same reason. K_j+2 and V_j+1 are on their way while the matrices of
 * turn j are multiplied. Three barriers a step.
 */
export function forwardMatricesKernel(t: AttentionMatrices, p: Problem, f: ScoreFeatures, params: Params): Kernel {
  const { D, Dv } = p;
  const whole = { keys: keySource(p), split: false };
  const scores: MatrixScore = { tile: t, own: 'queries' };
  const q = load8({ ...rowsOf('q', D), scale: scaleOf(t, 'q') });
  const k = (j0: string): ReturnType<typeof load8> => load8({ ...rowsOf('k', D), row0: j0, scale: scaleOf(t, 'k') });
  const v = (j0: string): ReturnType<typeof load8> => load8({ ...rowsOf('v', Dv), row0: j0, scale: scaleOf(t, 'v') });
  const vec4s = range(vec4sPerLane(t));
  const weight = (i: number, n: number): string => `exp2(fma(s_${i}_${n}, vec4f(unit), vec4f(-m${i})))`;
  // l is the sum of what is multiplied with V, so that gradients cancel where they should: of weights as halves, or of floats that are two of them.
  const exponentials = (i: number): string =>
    t.parts === 2
      ? vec4s.map((n) => `s_${i}_${n} = ${weight(i, n)};`).join(' ')
      : range(vec4s.length / 2)
          .map(
            (m) => `let halves_${i}_${m} = ${packedWeights(weight)(i, m, 0)};
s_${i}_${2 * m} = unpack4(halves_${i}_${m}.xy); s_${i}_${2 * m + 1} = unpack4(halves_${i}_${m}.zw);`,
          )
          .join('\n');
  const stored =
    t.parts === 2 || f.dropout
      ? packedWeights((i, n) => keptOf(f, i, n, `s_${i}_${n}`))
      : (i: number, m: number): string => `halves_${i}_${m}`;
  const code = `
${forwardWgsl(enableMatrices(t.unit), p, f, params, whole, byEights(t))}
${matrixModule(t)}
${declareStage(t, 'k', D)}
${declareStage(t, 'v', Dv)}
${matrixScoreWgsl(f, scores)}
${scalesWgsl(t, 6 + scoreBuffers(f).length)}

${matrixMain(t)}
${ownQueriesWgsl(t.br, f)}
${loadOwnMatrices(t, 'own_q', D, q)}
${declareResults(t, 'acc', Dv)}
${eachLaneRowOf(t, (i) => `var m${i} = ${START_MAXIMUM}; var l${i} = 0.0;`)}

${keyRangeWgsl(t.bc, whole)}
${declareFetch(t, 'k', D)}
${declareFetch(t, 'v', Dv)}
${fetchStep(t, 'k', D, k('begin'))}
workgroupBarrier();
${putStep(t, 'k', D)}
workgroupBarrier();
${fetchStep(t, 'v', Dv, v('begin'))}
${fetchStep(t, 'k', D, k(`begin + ${t.bc}u`))}
${productsInto(t, 0, 'own_q', 'k', D)}
for (var j0 = begin; j0 < end; j0 += ${t.bc}u) {
  // S is there, and what was read of the last step's V.
  workgroupBarrier();
  ${putStep(t, 'v', Dv)}
  ${putStep(t, 'k', D)}
  ${matrixScores(f, scores, {
    raw: (i, n) => `${scoreVec4(t, 0, i, n)}${perScale(t, 'q', 'k')}`,
    cut: bandCut(t, 'queries'),
  })}
  var rescale = false;
  ${eachLaneRowOf(
    t,
    (i) => `${largestOfRow(t, 'most', i, (n) => `s_${i}_${n}`)}
  let top${i} = unit * most${i};
  let rises${i} = top${i} - m${i} > ${RISE}.0;
  let next${i} = select(m${i}, top${i} - ${LIFT}.0, rises${i});
  let alpha${i} = exp2(m${i} - next${i});
  rescale = rescale | (rises${i} & (l${i} > 0.0));
  l${i} *= alpha${i};
  m${i} = next${i};
  ${exponentials(i)}
  { let sum = ${vec4s.map((n) => `s_${i}_${n}`).join(' + ')}; l${i} += (sum.x + sum.y) + (sum.z + sum.w); }
  if (share == 0u) { row_factor[row${i}] = alpha${i}; }`,
  )}
  ${drawMatrixDropout(f, scores)}
  if (rescale) { atomicStore(&flag, turn + 1u); }
  ${storeWeights(t, 0, stored)}
  if (workgroupUniformLoad(&flag) == turn + 1u) {
    ${scaleResults(t, 'acc', Dv)}
  }
  ${fetchStep(t, 'v', Dv, v(`j0 + ${t.bc}u`))}
  ${fetchStep(t, 'k', D, k(`j0 + ${2 * t.bc}u`))}
  ${accumulateFrom(t, 'acc', 0, 'v', Dv)}
  if (j0 + ${t.bc}u < end) {
    ${productsInto(t, 0, 'own_q', 'k', D)}
  }
  turn++;
}

workgroupBarrier();
${eachLaneRowOf(
  t,
  (i) => `${overRow(t, `l${i}`, 'add')}
if (share == 0u) {
  let empty = m${i} == ${START_MAXIMUM};
  row_factor[row${i}] = select(${f.dropout ? 'params.keep_factor' : '1.0'} / l${i}${perScale(t, 'v')}, 0.0, empty);
  if (i0 + row${i} < seq.Nq) {
    let value = (m${i} + log2(l${i})) * ${LN_2};
    lse[base(b, h, params.lse_strides, seq.q0 + i0 + row${i})] = select(bitcast<u32>(value), ${MINUS_INFINITY_BITS}, empty);
  }
}`,
)}
${storeResults(t, 'acc', Dv, store8(rowsOf('out', Dv)))}
}`;
  return { label: 'flash2 forward', code, access: [...forwardAccess(f, whole), ...scaleAccess(t)] };
}
