import {
  groupAt,
  laneLoop,
  type LaneTile,
  rowArray,
  rowGroups,
  rowPart,
  rowType,
  rowVector,
  rowWidth,
} from '../wgsl/lane-tile';
import { range } from '../wgsl/params';
import { FORBIDDEN } from '../wgsl/special-values';
import type { ScoreFeatures } from './score';

// The features of score.ts for lane tiles (wgsl/lane-tile.ts): a lane has its pair at hand, so nothing is staged.

/** How a lane names its pairs: its own rows are queries and the step's rows keys, or the reverse. */
export interface LaneScore {
  readonly tile: LaneTile;
  readonly own: 'queries' | 'keys';
  /** The query heads of a group share the workgroup: the own rows are those of ownGroupsWgsl. */
  readonly packed?: boolean;
}

/**
 * Declares own_row, the lane's queries or keys, and which rows of the other side each of them sees: sees_count of them from sees_from on. Needs
 * seq, i0 or j0, and with `packed` what ownGroupsWgsl declares.
 */
export function declareOwn(f: ScoreFeatures, { tile: t, own, packed }: LaneScore): string {
  const rows = own === 'keys' ? 'seq.Nk' : 'seq.Nq';
  const other = own === 'keys' ? 'query' : 'key';
  const number = (row: string): string =>
    own === 'keys' ? `j0 + ${row}` : packed ? `(e0 + ${row}) / heads` : `i0 + ${row}`;
  const each = (part: (row: string) => string): string => rowVector(t, 'u32', (e) => part(rowPart(t, 'own', e)));
  return `
${rowArray(t, 'own_row', 1, 'u32')}
${rowArray(t, 'sees_from', 1, 'u32')}
${rowArray(t, 'sees_count', 1, 'u32')}
${f.dropout ? `var kept: array<u32, ${keptWords(t)}>;` : ''}
${laneLoop(
  t,
  'g',
  rowGroups(t),
  (g) => `let own = ${rowVector(t, 'u32', (e) => number(`(${g} * ${rowWidth(t)}u + ${e}u) * ${t.lanes}u + x`))};
  let from_row = ${each((row) => `${other}_begin(seq, ${row})`)};
  let end_row = ${each((row) => `select(0u, ${other}_end(seq, ${row}), ${row} < ${rows})`)};
  own_row[${g}] = own;
  sees_from[${g}] = from_row;
  sees_count[${g}] = max(end_row, from_row) - from_row;`,
)}`;
}

/** Words that hold a bit for each score. */
const keptWords = (t: LaneTile): number => Math.ceil((t.rows * t.step) / 32);

/** WGSL: the head within the slice of row r of the lane. */
export const laneHead = ({ tile: t, packed }: LaneScore, r: number): string =>
  packed ? `(hk * heads + (e0 + ${r * t.lanes}u + x) % heads)` : 'h';

/** Whether there is more to do to a score than the band. */
const hasFeatures = (f: ScoreFeatures): boolean => f.softcap || f.alibi || f.bias || f.mask || f.dropout;

/** WGSL: which rows of group g see row c of the step. */
export const laneSees = ({ tile: t, own }: LaneScore, g: number, c: number): string =>
  `(${rowType(t, 'u32')}(${own === 'queries' ? 'j0' : 'i0'} + ${c}u) - sees_from[${g}] < sees_count[${g}])`;

/** WGSL: of the raw scores of row group g with row c in the array `scores`, in log2 units, those that softmax takes; after laneFeatures. */
export function laneScore(f: ScoreFeatures, s: LaneScore, scores: string, g: number, c: number): string {
  const score = `${scores}[${groupAt(s.tile, c, g)}]`;
  return hasFeatures(f) ? score : `select(${rowType(s.tile)}(${FORBIDDEN}), ${score}, ${laneSees(s, g, c)})`;
}

/**
 * What is to be done to the raw scores before laneScore, and the draws of dropout: a loop over them, for written out for each of them the features
 * compile for seconds.
 * @param slope with a name, the array of that name gets the derivative of the soft cap, for the backward pass
 */
export function laneFeatures(f: ScoreFeatures, s: LaneScore, scores: string, slope?: string): string {
  if (!hasFeatures(f)) return '';
  const { tile: t, own, packed } = s;
  const row = `r * ${t.lanes}u + x`;
  const pair =
    own === 'keys'
      ? `let j = j0 + ${row}; let i = i0 + c; let head = feature_h;`
      : packed
        ? `let e = e0 + ${row}; let i = e / heads; let j = j0 + c; let head = params.h0 + hk * heads + e % heads;`
        : `let i = i0 + ${row}; let j = j0 + c; let head = feature_h;`;
  const at = (array: string): string => rowPart(t, `${array}[c * ${rowGroups(t)}u + g]`, 'part');
  const word = keptWords(t) === 1 ? '0' : 'n / 32u';
  return `
${
  f.dropout
    ? range(keptWords(t))
        .map((n) => `kept[${n}] = 0u;`)
        .join(' ')
    : ''
}
for (var n = 0u; n < ${t.rows * t.step}u + params.zero; n++) {
  let c = n >> ${Math.log2(t.rows)}u;
  let r = n & ${t.rows - 1}u;
  let g = r >> ${Math.log2(rowWidth(t))}u;
  let part = r & ${rowWidth(t) - 1}u;
  ${pair}
  var score = ${at(scores)};
  ${
    f.softcap
      ? `var derivative = 1.0;
  if (params.softcap > 0.0) { let t = tanh_and_slope(score * params.per_softcap); score = params.softcap * t.x; derivative = t.y; }
  ${slope ? `${at(slope)} = derivative;` : ''}`
      : ''
  }
  let a = adjustment(seq, feature_b, head, i, j);
  ${at(scores)} = select(score + a, ${FORBIDDEN}, a == ${FORBIDDEN});
  ${f.dropout ? `kept[${word}] |= select(0u, 1u, keeps(feature_b, head, i, j)) << (n % 32u);` : ''}
}`;
}

/** WGSL: `values` of row group g with row c, 0 where dropout drops them. */
export function laneKept(f: ScoreFeatures, { tile: t }: LaneScore, g: number, c: number, values: string): string {
  if (!f.dropout) return values;
  const n = c * t.rows + g * rowWidth(t);
  const type = rowType(t, 'u32');
  const bits = rowVector(t, 'u32', (e) => `${(n + e) % 32}u`);
  return `select(${rowType(t)}(), ${values}, ((${type}(kept[${Math.floor(n / 32)}]) >> ${bits}) & ${type}(1u)) == ${type}(1u))`;
}

/** The same after dropout: 0, or value / (1 - p). */
export const laneDropped = (f: ScoreFeatures, s: LaneScore, g: number, c: number, values: string): string =>
  laneKept(f, s, g, c, f.dropout ? `${values} * params.keep_factor` : values);
