import type { Problem } from '../../api/problem';
import type { Kernel } from '../../device/pipeline-cache';
import { declareOwn, laneSees, type LaneScore } from '../../features/lane-score';
import { type ScoreFeatures, valueScale } from '../../features/score';
import { declareRows, laneMainWgsl, loadRows, partOf, rowPart, rowWidth } from '../../wgsl/lane-tile';
import { loadStep } from '../../wgsl/lanes';
import { type Params, range } from '../../wgsl/params';
import { backwardWgsl } from './backward-common';
import { declareScores, declareStates, laneProbabilities, laneScoreGradients, loadStates } from './backward-lanes';
import type { AttentionLanes } from './choose-tile';
import { DBIAS_TILE_WGSL, eachSharerWgsl } from './dbias';
import { featureAccess, rowsOf } from '../common';

/**
 * dbias as lane tiles (wgsl/lane-tile.ts); what is summed is told in dbias.ts, which is the same for a GPU. A lane owns queries and adds
 * each dS to its entry of the bias, which no other lane has; where the bias has one row, the lanes' sum goes there at once.
 */
export function dbiasLanesKernel(t: AttentionLanes, p: Problem, f: ScoreFeatures, params: Params): Kernel {
  const { D, Dv } = p;
  const scores: LaneScore = { tile: t, own: 'queries' };
  const oneRow = p.bias!.shape[2] === 1;
  const ds = (r: number, c: number): string => partOf(t, 'ds', c, r);
  const seen = (r: number, c: number): string =>
    rowPart(t, laneSees(scores, Math.floor(r / rowWidth(t)), c), r % rowWidth(t));
  const k = rowsOf('k', D);
  const v = { ...rowsOf('v', Dv), ...valueScale(f) };
  const code = `
${backwardWgsl('enable subgroups;', p, f, params, 7)}
@group(0) @binding(6) var<storage, read_write> dbias: array<f32>;

${laneMainWgsl(t)}
${DBIAS_TILE_WGSL}
${declareRows(t, 'own_q', D)}
${declareRows(t, 'own_dout', Dv)}
${declareStates(scores)}
${declareScores(t, f)}
${eachSharerWgsl(
  t,
  `
  ${loadRows(t, 'own_q', { ...rowsOf('q', D), scale: 'to_log2' })}
  ${loadRows(t, 'own_dout', rowsOf('dout', Dv))}
  ${declareOwn(f, scores)}
  ${loadStates(scores)}
  let first = max(key_begin(seq, i0), tile_k * params.bias_keys) / ${t.step}u * ${t.step}u;
  let j_end = min((tile_k + 1u) * params.bias_keys, key_end(seq, i1));
  for (var j0 = first; j0 < j_end; j0 += ${t.step}u) {
    ${loadStep(t, k)}
    ${loadStep(t, v)}
    ${laneProbabilities(f, scores, 'own_q', k)}
    ${laneScoreGradients(f, scores, 'own_dout', v, { raw: false })}
    // A row that is not there has what an earlier tile left in its arrays.
    ${
      oneRow
        ? range(t.step)
            .map((c) => {
              const terms = range(t.rows).map((r) => `select(0.0, ${ds(r, c)}, ${seen(r, c)})`);
              return `let sum${c} = subgroupAdd(${terms.join(' + ')});
    if ((x == 0u) & (j0 + ${c}u < j_end)) { dbias[bias_at + (j0 + ${c}u) * params.bias_strides.w] += sum${c}; }`;
            })
            .join('\n')
        : range(t.rows)
            .flatMap((r) =>
              range(t.step).map(
                (c) => `if (${seen(r, c)}) {
      dbias[bias_at + ${partOf(t, 'own_row', 0, r)} * params.bias_strides.z + (j0 + ${c}u) * params.bias_strides.w] += ${ds(r, c)};
    }`,
              ),
            )
            .join('\n')
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
