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
import { type Params, when } from '../../wgsl/params';
import { EACH_QUERY_HEAD_WGSL, ownKeysWgsl, rowsOf } from '../common';
import { keyGradientsWgsl } from './backward-common';
import { declareGradientFactors, gradientLanes, P_LIFT } from './backward-matrices';
import type { AttentionMatrices } from './choose-matrices';

const LIFT = `${2 ** P_LIFT}.0`;

/**
 * dK and dV on matrix units (wgsl/matrices.ts); the formulas are in dkdv.ts, which is the same for plain arithmetic. The keys stay, the
 * queries of the group's heads pass by, the next ones on their way while the products of these are made. Five barriers a step.
 * @param writes both, or one where the device cannot bind as many tensors
 */
export function dkdvMatricesKernel(
  t: AttentionMatrices,
  p: Problem,
  f: ScoreFeatures,
  params: Params,
  writes: readonly ('dk' | 'dv')[],
): Kernel {
  const { D, Dv } = p;
  const [dk, dv] = [writes.includes('dk'), writes.includes('dv')];
  const scores: MatrixScore = { tile: t, own: 'keys' };
  const { begin, access } = keyGradientsWgsl(enableMatrices(t.unit), p, f, params, writes, byEights(t));
  const fetch = (i0: string): string => `
  ${fetchStep(t, 'q', D, load8({ ...rowsOf('q', D), row0: i0 }))}
  ${fetchStep(t, 'dout', Dv, load8({ ...rowsOf('dout', Dv), row0: i0 }))}
  if (lid < ${t.step / 4}u) {
    ${[0, 1, 2, 3].map((e) => `fetch_state${e} = load_row(b, h, seq, ${i0} + 4u * lid + ${e}u);`).join(' ')}
  }`;
  const finish = (name: 'acc_k' | 'acc_v', size: number, factor: (i: number) => string): string => `
workgroupBarrier();
${eachLaneRowOf(t, (i) => `if (share == 0u) { row_factor[row${i}] = ${factor(i)}; }`)}
${storeResults(t, name, size, store8(rowsOf(name === 'acc_k' ? 'dk' : 'dv', size)))}`;
  const code = `
${begin}
${matrixModule(t)}
${declareStage(t, 'q', D)}
${declareStage(t, 'dout', Dv)}
var<workgroup> lse4: array<vec4f, ${t.step / 4}>;
var<workgroup> delta4: array<vec4f, ${t.step / 4}>;
${matrixScoreWgsl(f, scores)}

${matrixMain(t)}
${ownKeysWgsl(t.bc, f)}
${loadOwnMatrices(t, 'own_k', D, load8(rowsOf('k', D)))}
${when(dk, loadOwnMatrices(t, 'own_v', Dv, load8(rowsOf('v', Dv))))}
${when(dk, declareResults(t, 'acc_k', D))}
${when(dv, declareResults(t, 'acc_v', Dv))}
${declareGradientFactors(t)}

// From the first tile of queries, counted from query 0, that sees one of these keys.
let begin = query_begin(seq, j0) / ${t.br}u * ${t.br}u;
let end = query_end(seq, j1);
${declareFetch(t, 'q', D)}
${declareFetch(t, 'dout', Dv)}
${[0, 1, 2, 3].map((e) => `var fetch_state${e} = vec2f();`).join(' ')}
${EACH_QUERY_HEAD_WGSL}
  ${fetch('begin')}
  for (var i0 = begin; i0 < end; i0 += ${t.br}u) {
    workgroupBarrier();
    ${putStep(t, 'q', D)}
    ${putStep(t, 'dout', Dv)}
    if (lid < ${t.step / 4}u) {
      lse4[lid] = vec4f(fetch_state0.x, fetch_state1.x, fetch_state2.x, fetch_state3.x) - vec4f(${P_LIFT}.0);
      delta4[lid] = vec4f(fetch_state0.y, fetch_state1.y, fetch_state2.y, fetch_state3.y);
    }
    workgroupBarrier();
    ${fetch(`i0 + ${t.br}u`)}
    ${productsInto(t, 0, 'own_k', 'q', D)}
    ${when(dk, productsInto(t, 1, 'own_v', 'dout', Dv))}
    workgroupBarrier();
    ${gradientLanes(f, scores, t, { p: dv, ds: dk }, scaleResults(t, 'acc_k', D))}
    // dV += P^T dO; dK += dS^T Q
    ${when(dv, accumulateFrom(t, 'acc_v', 0, 'dout', Dv))}
    ${when(dk, accumulateFrom(t, 'acc_k', 1, 'q', D))}
  }
}

${when(
  dk,
  finish('acc_k', D, (i) => `params.scale / ${LIFT} / ds_factor${i}`),
)}
${when(
  dv,
  finish('acc_v', Dv, () => `${f.dropout ? 'params.keep_factor' : '1.0'} / ${LIFT}`),
)}
}`;
  return { label: 'flash2 dkdv', code, access };
}
