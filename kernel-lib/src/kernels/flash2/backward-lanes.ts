import { applyLaneFeatures, laneKept, type LaneScore } from '../../features/lane-score';
import type { ScoreFeatures } from '../../features/score';
import { eachLaneScore, laneProducts } from '../../wgsl/lanes';
import { rowState } from './backward-common';

/**
 * p_r_c = exp2(features(S) - lse), and the draws of dropout; see `probabilities` in backward-common.ts. A pair that does not exist
 * has p = 0, so that rows that are not there, whose lse is 0, add nothing.
 */
export const laneProbabilities = (f: ScoreFeatures, s: LaneScore, own: string, step: string, D: number): string => `
${laneProducts(s.tile, 'p', own, step, D)}
${applyLaneFeatures(f, s, 'p', 'slope')}
${eachLaneScore(s.tile, (r, c) => `p_${r}_${c} = exp2(min(p_${r}_${c} - ${rowState(s, r, c)}.x, 0.0));`)}`;

/** ds_r_c = P * (dropout(dO V^T) - delta), behind the soft cap; V comes with valueScale. */
export const laneScoreGradients = (f: ScoreFeatures, s: LaneScore, own: string, step: string, Dv: number): string => `
${laneProducts(s.tile, 'ds', own, step, Dv)}
${eachLaneScore(s.tile, (r, c) => {
  const ds = `ds_${r}_${c}`;
  const slope = f.softcap ? ` * slope_${r}_${c}` : '';
  return `${ds} = p_${r}_${c} * (${laneKept(f, s, r, c, ds)} - ${rowState(s, r, c)}.y)${slope};`;
})}`;
