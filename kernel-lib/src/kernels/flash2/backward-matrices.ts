import { drawMatrixDropout, keptOf, type MatrixScore, matrixScores } from '../../features/matrix-score';
import type { ScoreFeatures } from '../../features/score';
import {
  eachLaneRowOf,
  eachVec4,
  largestOfRow,
  packedWeights,
  scoreVec4,
  storeWeights,
  vec4Place,
} from '../../wgsl/matrices';
import { vec4sPerLane } from '../../wgsl/matrix-tile';
import { range, when } from '../../wgsl/params';
import { bandCut } from '../common';
import type { AttentionMatrices } from './choose-matrices';

/** Where P is multiplied with dO, it and dS are 2 to the power of this times themselves, so that halves keep more of small weights. */
export const P_LIFT = 14;

/** Where the factor of a row's dS starts: so large that the first row of dS that is not 0 sets it. */
const START_FACTOR = '0x1p126';

/** WGSL: vec4 n of the lse or delta of the queries of row i's scores. */
const stateOf = ({ own }: MatrixScore, name: 'lse' | 'delta', i: number, n: number): string =>
  own === 'queries' ? `vec4f(state${i}.${name === 'lse' ? 'x' : 'y'})` : `${name}4[${vec4Place(n)}]`;

/** Declares the factors of the rows of dS: what is summed of them is `ds_factor` times itself. */
export const declareGradientFactors = (t: AttentionMatrices): string =>
  eachLaneRowOf(t, (i) => `var ds_factor${i} = ${START_FACTOR};`);

/**
 * What lanes make of the products S and dP, in regions 0 and 1: P and dS, as halves. dS is in the last region of weights.
 *
 *     p = exp2(features(S) - lse);  dS = p * (dropout(dP) - delta), times a power of two that keeps the largest of a row below 2^15
 *
 * Where the own rows are keys, lse4 has lse - P_LIFT.
 *
 * Where a row of dS would grow above that, its factor shrinks and what was summed of it has to: `rescale` then runs. So no dS is too
 * large for a half, however large dO and V are, and small ones keep their digits.
 * @param wanted which of P and dS another product needs
 * @param rescale WGSL that multiplies what was summed of dS by row_factor
 */
export function gradientLanes(
  f: ScoreFeatures,
  s: MatrixScore,
  t: AttentionMatrices,
  wanted: { readonly p: boolean; readonly ds: boolean },
  rescale: string,
): string {
  const vec4s = range(vec4sPerLane(t));
  const each = (text: (i: number, n: number) => string): string =>
    eachLaneRowOf(t, (i) => eachVec4(t, (n) => text(i, n)));
  const dp = (i: number, n: number): string => {
    const product = scoreVec4(t, 1, i, n);
    return f.dropout ? keptOf(f, i, n, `${product} * params.keep_factor`) : product;
  };
  const slope = (i: number, n: number): string => (f.softcap ? ` * slope_${i}_${n}` : '');
  return `
${matrixScores(f, s, {
  raw: (i, n) => scoreVec4(t, 0, i, n),
  cut: bandCut(t, s.own),
  slope: 'slope',
})}
${drawMatrixDropout(f, s)}
${each((i, n) => `s_${i}_${n} = exp2(min(fma(s_${i}_${n}, vec4f(unit), -${stateOf(s, 'lse', i, n)}), vec4f(${s.own === 'keys' ? P_LIFT : 0}.0)));`)}
${when(
  wanted.ds,
  `
${each((i, n) => `var ds_${i}_${n} = s_${i}_${n} * (${dp(i, n)} - ${stateOf(s, 'delta', i, n)})${slope(i, n)};`)}
var rescale = false;
${eachLaneRowOf(
  t,
  (i) => `${largestOfRow(t, 'most', i, (n) => `abs(ds_${i}_${n})`)}
let grows${i} = most${i} * ds_factor${i} > 32768.0;
let next${i} = select(ds_factor${i}, bitcast<f32>(clamp(264u - (bitcast<u32>(most${i}) >> 23u), 1u, 252u) << 23u), grows${i});
rescale = rescale | (grows${i} & (turn > 0u));
if (share == 0u) { row_factor[row${i}] = next${i} / ds_factor${i}; }
ds_factor${i} = next${i};
${vec4s.map((n) => `ds_${i}_${n} *= ds_factor${i};`).join(' ')}`,
)}
if (rescale) { atomicStore(&flag, turn + 1u); }`,
)}
${when(
  wanted.p,
  storeWeights(
    t,
    0,
    packedWeights((i, n) => keptOf(f, i, n, `s_${i}_${n}`)),
  ),
)}
${when(
  wanted.ds,
  storeWeights(
    t,
    t.regions.weights - 1,
    packedWeights((i, n) => `ds_${i}_${n}`),
  ),
)}
${wanted.ds ? `if (workgroupUniformLoad(&flag) == turn + 1u) {\n${rescale}\n}` : 'workgroupBarrier();'}
turn++;`;
}
