import type { Problem } from '../../api/problem';
import type { Kernel } from '../../device/pipeline-cache';
import { declareOwn, type LaneScore } from '../../features/lane-score';
import { type ScoreFeatures, valueScale } from '../../features/score';
import { declareRows, eachLaneRow, eachLaneScore, laneMainWgsl, loadRows, loadStep } from '../../wgsl/lanes';
import { type Params, range } from '../../wgsl/params';
import { backwardWgsl } from './backward-common';
import { laneProbabilities, laneScoreGradients } from './backward-lanes';
import type { AttentionLanes } from './choose-tile';
import { DBIAS_TILE_WGSL, eachSharerWgsl } from './dbias';
import { featureAccess, rowsOf } from '../common';

/**
 * dbias as lane tiles (wgsl/lanes.ts); what is summed is told in dbias.ts, which is the same for a GPU. A lane owns queries and adds
 * each dS to its entry of the bias, which no other lane has; where the bias has one row, the lanes' sum goes there at once.
 */
export function dbiasLanesKernel(t: AttentionLanes, p: Problem, f: ScoreFeatures, params: Params): Kernel {
  const { D, Dv } = p;
  const scores: LaneScore = { tile: t, own: 'queries' };
  const oneRow = p.bias!.shape[2] === 1;
  // A row that is not there has what an earlier tile left in its arrays.
  const seen = (r: number, c: number): string => `(j0 + ${c}u >= from${r}) & (j0 + ${c}u < to${r})`;
  const code = `
${backwardWgsl('enable subgroups;', p, f, params, 7)}
@group(0) @binding(6) var<storage, read_write> dbias: array<f32>;

${laneMainWgsl(t)}
${DBIAS_TILE_WGSL}
${declareRows(t, 'own_q', D)}
${declareRows(t, 'own_dout', Dv)}
${eachSharerWgsl(
  t,
  `
  ${loadRows(t, 'own_q', { ...rowsOf('q', D), scale: 'to_log2' })}
  ${loadRows(t, 'own_dout', rowsOf('dout', Dv))}
  ${declareOwn(scores)}
  ${eachLaneRow(t, (r) => `let row${r} = load_row(b, h, seq, own${r});`)}
  let first = max(key_begin(seq, i0), tile_k * ${t.bc}u) / ${t.step}u * ${t.step}u;
  let j_end = min((tile_k + 1u) * ${t.bc}u, key_end(seq, i1));
  for (var j0 = first; j0 < j_end; j0 += ${t.step}u) {
    ${loadStep(t, 'k', rowsOf('k', D))}
    ${loadStep(t, 'v', { ...rowsOf('v', Dv), ...valueScale(f) })}
    ${laneProbabilities(f, scores, 'own_q', 'k', D)}
    ${laneScoreGradients(f, scores, 'own_dout', 'v', Dv)}
    ${
      oneRow
        ? range(t.step)
            .map((c) => {
              const terms = range(t.rows).map((r) => `select(0.0, ds_${r}_${c}, ${seen(r, c)})`);
              return `let sum${c} = subgroupAdd(${terms.join(' + ')});
    if ((x == 0u) & (j0 + ${c}u < j_end)) { dbias[bias_at + (j0 + ${c}u) * params.bias_strides.w] += sum${c}; }`;
            })
            .join('\n')
        : eachLaneScore(
            t,
            (r, c) => `if (${seen(r, c)}) {
      dbias[bias_at + own${r} * params.bias_strides.z + (j0 + ${c}u) * params.bias_strides.w] += ds_${r}_${c};
    }`,
          )
    }
  }`,
)}
}`;
  return {
    label: 'flash2 dbias',
    code,
    access: ['read', 'read', 'read', 'read', 'read', 'read_write', ...featureAccess(f)],
  };
}
