import type { Problem } from '../../api/problem';
import type { Kernel } from '../../device/pipeline-cache';
import { declareOwn, laneDropped, type LaneScore } from '../../features/lane-score';
import { type ScoreFeatures, valueScale } from '../../features/score';
import {
  declareRows,
  eachLaneScore,
  laneAccumulate,
  laneMainWgsl,
  type LaneTile,
  loadRows,
  loadStep,
  storeRows,
} from '../../wgsl/lanes';
import { type Params, when } from '../../wgsl/params';
import { LN_2 } from '../../wgsl/special-values';
import { keyGradientsWgsl } from './backward-common';
import { laneProbabilities, laneRawGradients } from './backward-lanes';
import { EACH_QUERY_HEAD_WGSL, ownKeysWgsl, rowsOf } from '../common';

/**
 * dK and dV as lane tiles (wgsl/lanes.ts); the formulas are in dkdv.ts, which is the same for a GPU. A lane owns keys, the queries of
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
  const columns = Array.from({ length: t.step }, (_, c) => c);
  const code = `
${begin}

${laneMainWgsl(t)}
${ownKeysWgsl(t.lanes * t.rows, f)}
${declareRows(t, 'own_k', D)}
${loadRows(t, 'own_k', rowsOf('k', D))}
${when(dk, `${declareRows(t, 'own_v', Dv)}\n${loadRows(t, 'own_v', { ...rowsOf('v', Dv), ...valueScale(f) })}`)}
${when(dk, declareRows(t, 'acc_k', D))}
${when(dv, declareRows(t, 'acc_v', Dv))}
${declareOwn(scores)}

let begin = query_begin(seq, j0);
let end = query_end(seq, j1);
${EACH_QUERY_HEAD_WGSL}
  for (var i0 = begin; i0 < end; i0 += ${t.step}u) {
    ${loadStep(t, 'q', { ...rowsOf('q', D), scale: 'to_log2' })}
    ${loadStep(t, 'dout', rowsOf('dout', Dv))}
    ${columns.map((c) => `let row${c} = load_row(b, h, seq, i0 + ${c}u);`).join('\n')}
    ${laneProbabilities(f, scores, 'own_k', 'q', D, 'slope')}
    ${when(dk, laneRawGradients(f, scores, 'own_v', 'dout', Dv))}
    // dV += P^T dO; dK += dS^T Q
    ${when(
      dv,
      eachLaneScore(t, (r, c) => `p_${r}_${c} = ${laneDropped(f, scores, r, c, `p_${r}_${c}`)};`),
    )}
    ${when(
      dv,
      laneAccumulate(t, 'acc_v', 'dout', Dv, (r, c) => `p_${r}_${c}`),
    )}
    ${when(
      dk,
      laneAccumulate(t, 'acc_k', 'q', D, (r, c) => `ds_${r}_${c}`),
    )}
  }
}

// The rows of Q came with log2(e), which dK must not have.
${when(dk, storeRows(t, 'acc_k', rowsOf('dk', D), LN_2))}
${when(dv, storeRows(t, 'acc_v', rowsOf('dv', Dv), '1.0'))}
}`;
  return { label: 'flash2 dkdv', code, access };
}
