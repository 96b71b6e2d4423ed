import type { Problem } from '../../api/problem';
import type { Kernel } from '../../device/pipeline-cache';
import { declareOwn, laneDropped, type LaneScore } from '../../features/lane-score';
import { type ScoreFeatures, valueScale } from '../../features/score';
import {
  declareRows,
  eachScoreGroup,
  laneMainWgsl,
  type LaneTile,
  loadRows,
  ownRows,
  storeRows,
} from '../../wgsl/lane-tile';
import { laneAccumulate, loadStep } from '../../wgsl/lanes';
import { type Params, when } from '../../wgsl/params';
import { declareStep, keepStep } from '../../wgsl/quads';
import { LN_2 } from '../../wgsl/special-values';
import { keyGradientsWgsl } from './backward-common';
import { declareScores, declareStates, laneProbabilities, laneScoreGradients, loadStates } from './backward-lanes';
import { EACH_QUERY_HEAD_WGSL, ownKeysWgsl, rowsOf } from '../common';

/**
 * dK and dV as lane tiles (wgsl/lane-tile.ts); the formulas are in dkdv.ts, which is the same for a GPU. A lane owns keys, the queries of
 * the group's heads pass by.
 * @param writes both, or one where the device cannot bind as many tensors
 */
export function dkdvLanesKernel(
  t: LaneTile,
  p: Problem,
  f: ScoreFeatures,
  params: Params,
  writes: readonly ('dk' | 'dv')[],
): Kernel {
  const { D, Dv } = p;
  const [dk, dv] = [writes.includes('dk'), writes.includes('dv')];
  const scores: LaneScore = { tile: t, own: 'keys' };
  const { begin, access } = keyGradientsWgsl('enable subgroups;', p, f, params, writes);
  const q = { ...rowsOf('q', D), scale: 'to_log2' };
  const dout = rowsOf('dout', Dv);
  const code = `
${begin}

${laneMainWgsl(t)}
${ownKeysWgsl(ownRows(t), f)}
${declareRows(t, 'own_k', D)}
${loadRows(t, 'own_k', rowsOf('k', D))}
${when(dk, `${declareRows(t, 'own_v', Dv)}\n${loadRows(t, 'own_v', { ...rowsOf('v', Dv), ...valueScale(f) })}`)}
${when(dk, declareRows(t, 'acc_k', D))}
${when(dv, declareRows(t, 'acc_v', Dv))}
${declareOwn(f, scores)}
${declareStates(scores)}
${declareScores(t, f)}
${when(dk, declareStep(t, q))}
${when(dv, declareStep(t, dout))}

let begin = query_begin(seq, j0);
let end = query_end(seq, j1);
${EACH_QUERY_HEAD_WGSL}
  for (var i0 = begin; i0 < end; i0 += ${t.step}u) {
    ${loadStep(t, q)}
    ${loadStep(t, dout)}
    ${loadStates(scores)}
    ${laneProbabilities(f, scores, 'own_k', q, dk)}
    ${when(dk, laneScoreGradients(f, scores, 'own_v', dout, { raw: true, keep: dv }))}
    // dV += P^T dO; dK += dS^T Q
    ${when(
      dv && f.dropout,
      eachScoreGroup(t, (g, c, n) => `p[${n}] = ${laneDropped(f, scores, g, c, `p[${n}]`)};`),
    )}
    ${when(dv && !dk, keepStep(t, dout))}
    ${when(dv, laneAccumulate(t, 'acc_v', 'p', dout))}
    ${when(dk, laneAccumulate(t, 'acc_k', 'ds', q))}
  }
}

// The rows of Q came with log2(e), which dK must not have.
${when(
  dk,
  storeRows(t, 'acc_k', rowsOf('dk', D), () => LN_2),
)}
${when(
  dv,
  storeRows(t, 'acc_v', rowsOf('dv', Dv), () => '1.0'),
)}
}`;
  return { label: 'flash2 dkdv', code, access };
}
