import type { Problem } from '../../api/problem';
import type { Kernel } from '../../device/pipeline-cache';
import { declareOwn, type LaneScore } from '../../features/lane-score';
import { type ScoreFeatures, valueScale } from '../../features/score';
import {
  declareRows,
  eachLaneRow,
  laneAccumulate,
  laneMainWgsl,
  type LaneTile,
  loadRows,
  loadStep,
  ownRows,
  storeRows,
} from '../../wgsl/lanes';
import type { Params } from '../../wgsl/params';
import { storageArray, storeFunction } from '../../wgsl/staging';
import { backwardWgsl } from './backward-common';
import { laneProbabilities, laneRawGradients } from './backward-lanes';
import { featureAccess, ownQueriesWgsl, rowsOf } from '../common';

/**
 * dQ as lane tiles (wgsl/lanes.ts); the formulas and why dQ has a kernel of its own are in dq.ts, which is the same for a GPU. A lane
 * owns queries, the keys pass by.
 */
export function dqLanesKernel(t: LaneTile, p: Problem, f: ScoreFeatures, params: Params): Kernel {
  const { D, Dv, dtype } = p;
  const scores: LaneScore = { tile: t, own: 'queries' };
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
${declareOwn(scores)}
${eachLaneRow(t, (r) => `let row${r} = load_row(b, h, seq, own${r});`)}

let end = key_end(seq, i1);
for (var j0 = key_begin(seq, i0); j0 < end; j0 += ${t.step}u) {
  ${loadStep(t, 'k', rowsOf('k', D))}
  ${loadStep(t, 'v', { ...rowsOf('v', Dv), ...valueScale(f) })}
  ${laneProbabilities(f, scores, 'own_q', 'k', D, 'slope')}
  ${laneRawGradients(f, scores, 'own_dout', 'v', Dv)}
  // dQ += dS K
  ${laneAccumulate(t, 'acc', 'k', D, (r, c) => `ds_${r}_${c}`)}
}

${storeRows(t, 'acc', rowsOf('dq', D), 'params.scale')}
}`;
  return {
    label: 'flash2 dq',
    code,
    access: ['read', 'read', 'read', 'read', 'read', 'read_write', ...featureAccess(f)],
  };
}
