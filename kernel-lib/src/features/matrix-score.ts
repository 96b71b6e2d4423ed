import { eachLaneRowOf, eachVec4, vec4Place } from '../wgsl/matrices';
import type { MatrixTile } from '../wgsl/matrix-tile';
import { when } from '../wgsl/params';
import { FORBIDDEN } from '../wgsl/special-values';
import { everyTile, type ScoreFeatures } from './score';

// The features of score.ts for matrix tiles (wgsl/matrices.ts): a lane has rows of scores as vec4s.

/** How a kernel names its pairs: its own rows are queries and the step's rows keys, or the reverse. */
export interface MatrixScore {
  readonly tile: MatrixTile;
  readonly own: 'queries' | 'keys';
}

const pairOf = ({ own }: MatrixScore): string =>
  own === 'queries' ? 'let i = own; let j = other + e;' : 'let i = other + e; let j = own;';

/**
 * At module scope: `adjusted4`, four scores with what is added to them; `capped4`, the soft cap and its slope; `kept4`, 1 where dropout
 * keeps a score. Loops, so that the features are compiled once for the four.
 */
export const matrixScoreWgsl = (f: ScoreFeatures, s: MatrixScore): string => `
fn adjusted4(seq: Sequence, b: u32, h: u32, own: u32, other: u32, raw: vec4f) -> vec4f {
  var s = raw;
  for (var e = 0u; e < 4u + params.zero; e++) {
    ${pairOf(s)}
    let a = adjustment(seq, b, h, i, j);
    s[e] = select(s[e] + a, ${FORBIDDEN}, a == ${FORBIDDEN});
  }
  return s;
}
${when(
  f.softcap,
  `
struct Capped { s: vec4f, slope: vec4f }
fn capped4(raw: vec4f) -> Capped {
  var result = Capped(raw, vec4f(1.0));
  if (params.softcap > 0.0) {
    for (var e = 0u; e < 4u + params.zero; e++) {
      let t = tanh_and_slope(raw[e] * params.per_softcap);
      result.s[e] = params.softcap * t.x;
      result.slope[e] = t.y;
    }
  }
  return result;
}`,
)}
${when(
  f.dropout,
  `
fn kept4(b: u32, h: u32, own: u32, other: u32) -> vec4f {
  var kept = vec4f(1.0);
  if (params.drop_below > 0u) {
    for (var e = 0u; e < 4u + params.zero; e++) {
      ${pairOf(s)}
      kept[e] = select(0.0, 1.0, keeps(b, h, i, j));
    }
  }
  return kept;
}`,
)}`;

/** WGSL: own row i of the lane in the sequence, and the first row of the other side of vec4 n. */
const place = ({ own }: MatrixScore, i: number, n: number): string =>
  own === 'queries' ? `i0 + row${i}, j0 + 4u * ${vec4Place(n)}` : `j0 + row${i}, i0 + 4u * ${vec4Place(n)}`;

/** What {@link matrixScores} is made of. */
interface RawScores {
  /** WGSL: the products of queries and keys, vec4 n of row i. */
  readonly raw: (i: number, n: number) => string;
  /** WGSL: whether the band or the end of its rows cuts this tile. */
  readonly cut: string;
  /** With a name, slope_i_n is declared as the derivative of the soft cap, for the backward pass. */
  readonly slope?: string;
}

/**
 * Declares s_i_n and `unit`, with unit > 0: unit * s_i_n are the scores that softmax takes, in log2 units. Where nothing is done to a tile, unit is
 * to_log2, so that the multiply-add that takes the maximum off scales it, too.
 */
export function matrixScores(f: ScoreFeatures, s: MatrixScore, { raw, cut, slope }: RawScores): string {
  const each = (text: (i: number, n: number) => string): string =>
    eachLaneRowOf(s.tile, (i) => eachVec4(s.tile, (n) => text(i, n)));
  const adjusted = (i: number, n: number, score: string): string =>
    `s_${i}_${n} = adjusted4(seq, feature_b, feature_h, ${place(s, i, n)}, ${score});`;
  if (f.softcap) {
    const cap = (i: number, n: number): string =>
      `let cap_${i}_${n} = capped4(${raw(i, n)} * to_log2); var s_${i}_${n} = cap_${i}_${n}.s;
${slope ? `let ${slope}_${i}_${n} = cap_${i}_${n}.slope;` : ''}`;
    return `
let unit = 1.0;
${each(cap)}
if (${everyTile(f)} | ${cut}) { ${each((i, n) => adjusted(i, n, `s_${i}_${n}`))} }`;
  }
  return `
var unit = to_log2;
${each((i, n) => `var s_${i}_${n} = ${raw(i, n)};`)}
if (${everyTile(f)} | (to_log2 <= 0.0) | ${cut}) {
  ${each((i, n) => adjusted(i, n, `s_${i}_${n} * to_log2`))}
  unit = 1.0;
}`;
}

/** WGSL: `value` of vec4 n of row i, 0 where dropout drops it. */
export const keptOf = (f: ScoreFeatures, i: number, n: number, value: string): string =>
  f.dropout ? `${value} * kept_${i}_${n}` : value;

/** Declares kept_i_n for {@link keptOf}. */
export const drawMatrixDropout = (f: ScoreFeatures, s: MatrixScore): string =>
  f.dropout
    ? eachLaneRowOf(s.tile, (i) =>
        eachVec4(s.tile, (n) => `let kept_${i}_${n} = kept4(feature_b, feature_h, ${place(s, i, n)});`),
      )
    : '';
