import { applyLaneFeatures, laneKept, type LaneScore } from '../../features/lane-score';
import type { ScoreFeatures } from '../../features/score';
import { eachLaneScore, laneProducts } from '../../wgsl/lanes';
import { when } from '../../wgsl/params';
import { rowState } from './backward-common';

/**
 * p_r_c = exp2(features(S) - lse), and the draws of dropout; see `probabilities` in backward-common.ts. A pair that does not exist
 * has p = 0, so that rows that are not there, whose lse is 0, add nothing.
 * @param slope with a name, slope_r_c is declared as the derivative of the soft cap
 */
export const laneProbabilities = (
  f: ScoreFeatures,
  s: LaneScore,
  own: string,
  step: string,
  D: number,
  slope?: string,
): string => `
${laneProducts(s.tile, 'p', own, step, D)}
${applyLaneFeatures(f, s, 'p', slope)}
${eachLaneScore(s.tile, (r, c) => `p_${r}_${c} = exp2(min(p_${r}_${c} - ${rowState(s, r, c)}.x, 0.0));`)}`;

/** ds_r_c = P * (dropout(dO V^T) - delta): the gradient of the scores that softmax took; V comes with valueScale. */
export const laneScoreGradients = (f: ScoreFeatures, s: LaneScore, own: string, step: string, Dv: number): string => `
${laneProducts(s.tile, 'ds', own, step, Dv)}
${eachLaneScore(s.tile, (r, c) => `ds_${r}_${c} = p_${r}_${c} * (${laneKept(f, s, r, c, `ds_${r}_${c}`)} - ${rowState(s, r, c)}.y);`)}`;

/** The same behind the soft cap: the gradient of scale q.k. */
export const laneRawGradients = (f: ScoreFeatures, s: LaneScore, own: string, step: string, Dv: number): string =>
  laneScoreGradients(f, s, own, step, Dv) +
  when(
    f.softcap,
    eachLaneScore(s.tile, (r, c) => `ds_${r}_${c} *= slope_${r}_${c};`),
  );
