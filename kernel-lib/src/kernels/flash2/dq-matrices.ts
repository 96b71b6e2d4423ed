import type { Problem } from '../../api/problem';
import type { Kernel } from '../../device/pipeline-cache';
import { type MatrixScore, matrixScoreWgsl } from '../../features/matrix-score';
import type { ScoreFeatures } from '../../features/score';
import { byEights, load8, store8 } from '../../wgsl/eights';
import { enableMatrices } from '../../wgsl/matrix-types';
import {
  accumulateFrom,
  declareFetch,
  declareResults,
  declareStage,
  eachLaneRowOf,
  fetchStep,
  loadOwnMatrices,
  matrixMain,
  matrixModule,
  productsInto,
  putStep,
  scaleResults,
  storeResults,
} from '../../wgsl/matrices';
import type { Params } from '../../wgsl/params';
import { featureAccess, ownQueriesWgsl, rowsOf } from '../common';
import { backwardWgsl } from './backward-common';
import { declareGradientFactors, gradientLanes } from './backward-matrices';
import type { AttentionMatrices } from './choose-matrices';

/**
 * dQ on matrix units (wgsl/matrices.ts); the formulas and why dQ has a kernel of its own are in dq.ts, which is the same for plain
 * arithmetic. The next keys and values are on their way while the products of these are made. Five barriers a step.
 */
export function dqMatricesKernel(t: AttentionMatrices, p: Problem, f: ScoreFeatures, params: Params): Kernel {
  const { D, Dv, dtype } = p;
  const scores: MatrixScore = { tile: t, own: 'queries' };
  const fetch = (j0: string): string => `
  ${fetchStep(t, 'k', D, load8({ ...rowsOf('k', D), row0: j0 }))}
  ${fetchStep(t, 'v', Dv, load8({ ...rowsOf('v', Dv), row0: j0 }))}`;
  const code = `
${backwardWgsl(enableMatrices(t.unit), p, f, params, 7, byEights(t))}
${byEights(t).array(6, 'read_write', 'dq', D, dtype)}
${byEights(t).store('dq', D, dtype)}
${matrixModule(t)}
${declareStage(t, 'k', D)}
${declareStage(t, 'v', Dv)}
${matrixScoreWgsl(f, scores)}

${matrixMain(t)}
${ownQueriesWgsl(t.br, f)}
${loadOwnMatrices(t, 'own_q', D, load8(rowsOf('q', D)))}
${loadOwnMatrices(t, 'own_dout', Dv, load8(rowsOf('dout', Dv)))}
${declareResults(t, 'acc', D)}
${eachLaneRowOf(t, (i) => `let state${i} = load_row(b, h, seq, i0 + row${i});`)}
${declareGradientFactors(t)}

let begin = key_begin(seq, i0) / ${t.bc}u * ${t.bc}u;
let end = key_end(seq, i1);
${declareFetch(t, 'k', D)}
${declareFetch(t, 'v', Dv)}
${fetch('begin')}
for (var j0 = begin; j0 < end; j0 += ${t.bc}u) {
  workgroupBarrier();
  ${putStep(t, 'k', D)}
  ${putStep(t, 'v', Dv)}
  workgroupBarrier();
  ${fetch(`j0 + ${t.bc}u`)}
  ${productsInto(t, 0, 'own_q', 'k', D)}
  ${productsInto(t, 1, 'own_dout', 'v', Dv)}
  workgroupBarrier();
  ${gradientLanes(f, scores, t, { p: false, ds: true }, scaleResults(t, 'acc', D))}
  // dQ += dS K
  ${accumulateFrom(t, 'acc', 0, 'k', D)}
}

${eachLaneRowOf(t, (i) => `if (share == 0u) { row_factor[row${i}] = params.scale / ds_factor${i}; }`)}
${storeResults(t, 'acc', D, store8(rowsOf('dq', D)))}
}`;
  return {
    label: 'flash2 dq',
    code,
    access: ['read', 'read', 'read', 'read', 'read', 'read_write', ...featureAccess(f)],
  };
}
