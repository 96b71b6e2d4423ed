import type { Problem } from '../../api/problem';
import type { Kernel } from '../../device/pipeline-cache';
import { declareOwn, type LaneScore } from '../../features/lane-score';
import { type ScoreFeatures, valueScale } from '../../features/score';
import { declareRows, laneMainWgsl, type LaneTile, loadRows, ownRows, storeRows } from '../../wgsl/lane-tile';
import { laneAccumulate, loadStep } from '../../wgsl/lanes';
import type { Params } from '../../wgsl/params';
import { declareStep } from '../../wgsl/quads';
import { storageArray, storeFunction } from '../../wgsl/staging';
import { backwardWgsl } from './backward-common';
import { declareScores, declareStates, laneProbabilities, laneScoreGradients, loadStates } from './backward-lanes';
import { featureAccess, ownQueriesWgsl, rowsOf } from '../common';

/**
 * dQ as lane tiles (wgsl/lane-tile.ts); the formulas and why dQ has a kernel of its own are in dq.ts, which is the same for a GPU. A lane
 * owns queries, the keys pass by.
 */
export function dqLanesKernel(t: LaneTile, p: Problem, f: ScoreFeatures, params: Params): Kernel {
  const { D, Dv, dtype } = p;
  const scores: LaneScore = { tile: t, own: 'queries' };
  const k = rowsOf('k', D);
  const v = { ...rowsOf('v', Dv), ...valueScale(f) };
  const code = `
${backwardWgsl('enable subgroups;', p, f, params, 7)}
${storageArray(6, 'read_write', 'dq', D, dtype)}
${storeFunction('dq', D, dtype)}

${laneMainWgsl(t)}
${ownQueriesWgsl(ownRows(t), f)}
${declareRows(t, 'own_q', D)}
${declareRows(t, 'own_dout', Dv)}
${declareRows(t, 'acc', D)}
${loadRows(t, 'own_q', { ...rowsOf('q', D), scale: 'to_log2' })}
${loadRows(t, 'own_dout', rowsOf('dout', Dv))}
${declareOwn(f, scores)}
${declareStates(scores)}
${loadStates(scores)}
${declareScores(t, f)}
${declareStep(t, k)}

let end = key_end(seq, i1);
for (var j0 = key_begin(seq, i0); j0 < end; j0 += ${t.step}u) {
  ${loadStep(t, k)}
  ${loadStep(t, v)}
  ${laneProbabilities(f, scores, 'own_q', k, true)}
  ${laneScoreGradients(f, scores, 'own_dout', v, { raw: true })}
  // dQ += dS K
  ${laneAccumulate(t, 'acc', 'ds', k)}
}

${storeRows(t, 'acc', rowsOf('dq', D), () => 'params.scale')}
}`;
  return {
    label: 'flash2 dq',
    code,
    access: ['read', 'read', 'read', 'read', 'read', 'read_write', ...featureAccess(f)],
  };
}
