import { eachLaneRow, eachLaneScore, type LaneTile } from '../wgsl/lanes';
import { range } from '../wgsl/params';
import { FORBIDDEN } from '../wgsl/special-values';
import type { ScoreFeatures } from './score';

// The features of score.ts for lane tiles (wgsl/lanes.ts): a lane has its pair at hand, so nothing is staged.

/** How a lane names its pairs: its own rows are queries and the step's rows keys, or the reverse. */
export interface LaneScore {
  readonly tile: LaneTile;
  readonly own: 'queries' | 'keys';
  /** The query heads of a group share the workgroup: the own rows are those of ownGroupsWgsl. */
  readonly packed?: boolean;
}

/**
 * Declares own0, own1, …, the lane's queries or keys, and which rows of the other side each of them sees; of queries also their heads h0, h1, …
 * within the slice. Needs seq, i0 or j0, and h, or with `packed` what ownGroupsWgsl declares.
 */
export const declareOwn = ({ tile: t, own, packed }: LaneScore): string =>
  eachLaneRow(t, (r) => {
    const row = `${r * t.lanes}u + x`;
    if (own === 'keys') return declareRow(r, `j0 + ${row}`, 'seq.Nk', 'query');
    if (!packed) return `let h${r} = h;\n${declareRow(r, `i0 + ${row}`, 'seq.Nq', 'key')}`;
    return `let h${r} = hk * heads + (e0 + ${row}) % heads;\n${declareRow(r, `(e0 + ${row}) / heads`, 'seq.Nq', 'key')}`;
  });

const declareRow = (r: number, own: string, rows: string, side: string): string => `let own${r} = ${own};
let from${r} = ${side}_begin(seq, own${r});
let to${r} = select(0u, ${side}_end(seq, own${r}), own${r} < ${rows});`;

/** Whether there is more to do to a score than the band. */
const hasFeatures = (f: ScoreFeatures): boolean => f.softcap || f.alibi || f.bias || f.mask || f.dropout;

/**
 * Turns the raw scores name_r_c, in log2 units, into those that softmax takes, and draws their dropout.
 * @param slope with a name, slope_r_c is declared as the derivative of that, for the backward pass
 */
export const applyLaneFeatures = (f: ScoreFeatures, s: LaneScore, name: string, slope?: string): string =>
  hasFeatures(f) ? featureLoop(f, s, name, slope) : bandOnly(s, name);

const bandOnly = (s: LaneScore, name: string): string => {
  const other = s.own === 'queries' ? 'j0' : 'i0';
  return eachLaneScore(s.tile, (r, c) => {
    const sees = `(${other} + ${c}u >= from${r}) & (${other} + ${c}u < to${r})`;
    return `${name}_${r}_${c} = select(${FORBIDDEN}, ${name}_${r}_${c}, ${sees});`;
  });
};

/** A loop over the scores, though they have to go through an array for it: written out for each, the features compile for seconds. */
function featureLoop(f: ScoreFeatures, { tile: t, own, packed }: LaneScore, name: string, slope?: string): string {
  const scores = t.rows * t.step;
  const at = (r: number, c: number): number => r * t.step + c;
  const row = `n / ${t.step}u * ${t.lanes}u + x`;
  const other = `n % ${t.step}u`;
  const pair =
    own === 'keys'
      ? `let j = j0 + ${row}; let i = i0 + ${other}; let head = feature_h;`
      : packed
        ? `let e = e0 + ${row}; let i = e / heads; let j = j0 + ${other}; let head = params.h0 + hk * heads + e % heads;`
        : `let i = i0 + ${row}; let j = j0 + ${other}; let head = feature_h;`;
  const all = `${name}_all`;
  const first = range(scores).map((n) => `${name}_${Math.floor(n / t.step)}_${n % t.step}`);
  return `
var ${all} = array<f32, ${scores}>(${first.join(', ')});
${slope && f.softcap ? `var slopes: array<f32, ${scores}>;` : ''}
var kept = 0u;
for (var n = 0u; n < ${scores}u + params.zero; n++) {
  ${pair}
  var s = ${all}[n];
  ${
    f.softcap
      ? `var slope = 1.0;
  if (params.softcap > 0.0) { let t = tanh_and_slope(s * params.per_softcap); s = params.softcap * t.x; slope = t.y; }
  ${slope ? 'slopes[n] = slope;' : ''}`
      : ''
  }
  let a = adjustment(seq, feature_b, head, i, j);
  ${all}[n] = select(s + a, ${FORBIDDEN}, a == ${FORBIDDEN});
  ${f.dropout ? 'kept |= select(0u, 1u, keeps(feature_b, head, i, j)) << n;' : ''}
}
${eachLaneScore(t, (r, c) => `${name}_${r}_${c} = ${all}[${at(r, c)}];`)}
${slope && f.softcap ? eachLaneScore(t, (r, c) => `let ${slope}_${r}_${c} = slopes[${at(r, c)}];`) : ''}`;
}

/** WGSL: `value` of score (r, c), 0 where dropout drops it. */
export const laneKept = (f: ScoreFeatures, { tile: t }: LaneScore, r: number, c: number, value: string): string =>
  f.dropout ? `select(0.0, ${value}, ((kept >> ${r * t.step + c}u) & 1u) == 1u)` : value;

/** The same after dropout: 0, or value / (1 - p). */
export const laneDropped = (f: ScoreFeatures, s: LaneScore, r: number, c: number, value: string): string =>
  laneKept(f, s, r, c, f.dropout ? `${value} * params.keep_factor` : value);
