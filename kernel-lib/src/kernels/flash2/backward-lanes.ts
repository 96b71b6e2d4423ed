import { type LaneScore, laneFeatures, laneKept, laneScore } from '../../features/lane-score';
import type { ScoreFeatures } from '../../features/score';
import {
  eachScoreGroup,
  laneLoop,
  type LaneTile,
  rowArray,
  rowGroups,
  rowPart,
  rowType,
  rowVector,
  rowWidth,
} from '../../wgsl/lane-tile';
import { laneProducts } from '../../wgsl/lanes';
import { range, when } from '../../wgsl/params';
import type { StageSource } from '../../wgsl/staging';

/** Arrays of a lane's scores: p, ds and, behind a soft cap, its derivative. */
export const declareScores = (t: LaneTile, f: ScoreFeatures): string => `
${rowArray(t, 'p', t.step)}
${rowArray(t, 'ds', t.step)}
${when(f.softcap, rowArray(t, 'slope', t.step))}`;

/** Declares row_lse and row_delta of the lane's queries, or of those of a step, which loadStates then loads. */
export const declareStates = ({ tile: t, own }: LaneScore): string =>
  ['row_lse', 'row_delta']
    .map((name) => (own === 'queries' ? rowArray(t, name, 1) : `var ${name}: array<f32, ${t.step}>;`))
    .join('\n');

/** Loads them. */
export function loadStates({ tile: t, own }: LaneScore): string {
  if (own === 'keys') {
    return laneLoop(
      t,
      'c',
      t.step,
      (c) => `let row = load_row(b, h, seq, i0 + ${c}); row_lse[${c}] = row.x; row_delta[${c}] = row.y;`,
    );
  }
  return laneLoop(t, 'g', rowGroups(t), (g) => {
    const rows = range(rowWidth(t));
    const load = rows.map((e) => `let row${e} = load_row(b, h, seq, ${rowPart(t, `own_row[${g}]`, e)});`);
    return `${load.join(' ')}
  row_lse[${g}] = ${rowVector(t, 'f32', (e) => `row${e}.x`)};
  row_delta[${g}] = ${rowVector(t, 'f32', (e) => `row${e}.y`)};`;
  });
}

const stateOf = ({ tile: t, own }: LaneScore, name: 'lse' | 'delta', g: number, c: number): string =>
  own === 'queries' ? `row_${name}[${g}]` : `${rowType(t)}(row_${name}[${c}])`;

/**
 * p = exp2(features(S) - lse), and the draws of dropout; see `probabilities` in backward-common.ts. A pair that does not exist
 * has p = 0, so that rows that are not there, whose lse is 0, add nothing.
 * @param keep as of laneProducts
 */
export const laneProbabilities = (
  f: ScoreFeatures,
  s: LaneScore,
  own: string,
  step: StageSource,
  keep = false,
): string => `
${laneProducts(s.tile, 'p', own, step, keep)}
${laneFeatures(f, s, 'p', 'slope')}
${eachScoreGroup(
  s.tile,
  (g, c, n) => `p[${n}] = exp2(min(${laneScore(f, s, 'p', g, c)} - ${stateOf(s, 'lse', g, c)}, ${rowType(s.tile)}()));`,
)}`;

/**
 * ds = P * (dropout(dO V^T) - delta), the gradient of the scores that softmax took; V comes with valueScale.
 * @param raw the gradient of scale q.k instead, which lies behind the soft cap
 */
export const laneScoreGradients = (
  f: ScoreFeatures,
  s: LaneScore,
  own: string,
  step: StageSource,
  { raw, keep = false }: { readonly raw: boolean; readonly keep?: boolean },
): string => `
${laneProducts(s.tile, 'ds', own, step, keep)}
${eachScoreGroup(
  s.tile,
  (g, c, n) =>
    `ds[${n}] = p[${n}] * (${laneKept(f, s, g, c, `ds[${n}]`)} - ${stateOf(s, 'delta', g, c)})${when(raw && f.softcap, ` * slope[${n}]`)};`,
)}`;
