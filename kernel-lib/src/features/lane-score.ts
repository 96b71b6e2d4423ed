import { eachLaneRow, eachLaneScore, type LaneTile } from '../wgsl/lanes';
import { FORBIDDEN } from '../wgsl/special-values';
import type { ScoreFeatures } from './score';

// The features of score.ts for lane tiles (wgsl/lanes.ts): a lane has its pair at hand, so nothing is staged.

/** How a lane names its pairs: its own rows are queries and the step's rows keys, or the reverse. */
export interface LaneScore {
  readonly tile: LaneTile;
  readonly own: 'queries' | 'keys';
}

/** WGSL: query head in the whole problem, query and key of score (r, c). */
const pair = ({ own }: LaneScore, r: number, c: number): { h: string; i: string; j: string } =>
  own === 'queries'
    ? { h: `(params.h0 + h${r})`, i: `own${r}`, j: `(j0 + ${c}u)` }
    : { h: 'feature_h', i: `(i0 + ${c}u)`, j: `own${r}` };

/**
 * Declares own0, own1, …, the lane's queries or keys, and which rows of the other side each of them sees; of queries also their heads h0, h1, …
 * within the slice. Needs seq, i0 or j0, and h, or with `packed` what ownGroupsWgsl declares.
 */
export const declareOwn = ({ tile: t, own }: LaneScore, packed = false): string =>
  eachLaneRow(t, (r) => {
    const row = `${r * t.lanes}u + x`;
    if (own === 'keys') return declareRow(r, `j0 + ${row}`, 'seq.Nk', 'query');
    if (!packed) return `let h${r} = h;\n${declareRow(r, `i0 + ${row}`, 'seq.Nq', 'key')}`;
    return `let h${r} = hk * heads + (e0 + ${row}) % heads;\n${declareRow(r, `(e0 + ${row}) / heads`, 'seq.Nq', 'key')}`;
  });

const declareRow = (r: number, own: string, rows: string, side: string): string => `let own${r} = ${own};
let from${r} = ${side}_begin(seq, own${r});
let to${r} = select(0u, ${side}_end(seq, own${r}), own${r} < ${rows});`;

/**
 * Turns the raw scores name_r_c, in log2 units, into those that softmax takes.
 * @param slope with a name, slope_r_c is declared as the derivative of that, for the backward pass
 */
export function applyLaneFeatures(f: ScoreFeatures, s: LaneScore, name: string, slope?: string): string {
  const one = (r: number, c: number): string => {
    const score = `${name}_${r}_${c}`;
    const { h, i, j } = pair(s, r, c);
    const cap = `${slope ? `var ${slope}_${r}_${c} = 1.0;` : ''}
if (params.softcap > 0.0) { let t = tanh_and_slope(${score} * params.per_softcap); ${score} = params.softcap * t.x; ${slope ? `${slope}_${r}_${c} = t.y;` : ''} }`;
    const other = s.own === 'queries' ? j : i;
    const adjust =
      f.alibi || f.bias || f.mask
        ? `{ let a = adjustment(seq, feature_b, ${h}, ${i}, ${j}); ${score} = select(${score} + a, ${FORBIDDEN}, a == ${FORBIDDEN}); }`
        : `${score} = select(${FORBIDDEN}, ${score}, (${other} >= from${r}) & (${other} < to${r}));`;
    return `${f.softcap ? cap : ''}\n${adjust}`;
  };
  return eachLaneScore(s.tile, one);
}

/** Declares kept_r_c: whether dropout keeps the score. */
export const drawLaneDropout = (f: ScoreFeatures, s: LaneScore): string =>
  f.dropout
    ? eachLaneScore(s.tile, (r, c) => {
        const { h, i, j } = pair(s, r, c);
        return `let kept_${r}_${c} = keeps(feature_b, ${h}, ${i}, ${j});`;
      })
    : '';

/** WGSL: `value` of score (r, c), 0 where dropout drops it. */
export const laneKept = (f: ScoreFeatures, r: number, c: number, value: string): string =>
  f.dropout ? `select(0.0, ${value}, kept_${r}_${c})` : value;

/** The same after dropout: 0, or value / (1 - p). */
export const laneDropped = (f: ScoreFeatures, r: number, c: number, value: string): string =>
  laneKept(f, r, c, f.dropout ? `${value} * params.keep_factor` : value);
