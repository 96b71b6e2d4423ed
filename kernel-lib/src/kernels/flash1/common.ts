import { everyTile, type ScoreFeatures } from '../../features/score';
import { LOG2_E } from '../../wgsl/special-values';
import { vec4s } from '../../wgsl/tiles';
import { rowsOf } from '../common';
import type { Flash1Tile } from './choose-tile';

/** The head of a loop in which the threads of a workgroup share `count` turns. The zero keeps CPU drivers from unrolling it. */
export const each = (name: string, count: string, threads: number): string =>
  `for (var ${name} = lid; ${name} < ${count} + params.zero; ${name} += ${threads}u)`;

/** The tile of keys of this dispatch, and the sequence of batch b. A packed sequence may be too short to have this tile. */
export const ownKeysOfHeadWgsl = (bc: number, f: ScoreFeatures): string => `
let feature_b = params.b0 + b;
let seq = sequence(feature_b);
let j0 = params.j0;
${f.packed ? 'if (j0 >= seq.Nk) { return; }' : ''}
let j1 = min(j0 + ${bc}u, seq.Nk) - 1u;
let k_base = base(b, hk, params.k_strides, seq.k0);
let v_base = base(b, hk, params.v_strides, seq.k0);
let to_log2 = params.scale * ${LOG2_E};`;

/** Loads a tile of `count` rows into tile_name, zeros where there is no row. */
export function loadRows(
  name: 'q' | 'k' | 'v' | 'dout',
  size: number,
  count: number,
  threads: number,
  scale?: string,
): string {
  const { base, rowStride, row0, rows } = rowsOf(name, size);
  const width = vec4s(size);
  return `
${each('e', `${count * width}u`, threads)} {
  let row = ${row0} + e / ${width}u;
  var value = vec4f();
  if (row < ${rows}) { value = load_${name}(${base} + row * ${rowStride}, e % ${width}u)${scale ? ` * ${scale}` : ''}; }
  tile_${name}[e] = value;
}`;
}

/** WGSL: whether the scores of this tile need more than scale q.k. */
export const adjustedWgsl = (f: ScoreFeatures, { br, bc }: Flash1Tile): string =>
  [
    everyTile(f),
    ...(f.softcap ? ['(params.softcap > 0.0)'] : []),
    `(j0 + ${bc}u > seq.Nk)`,
    `!uncut(seq, i0, min(i0 + ${br}u, seq.Nq) - 1u, j0, j0 + ${bc - 1}u)`,
  ].join(' | ');

/** tile_s = features(Q_i K_j^T). */
export const scoresWgsl = ({ br, bc }: Flash1Tile, D4: number, threads: number): string => `
${each('e', `${br * bc}u`, threads)} {
  let row = e / ${bc}u;
  let column = e % ${bc}u;
  var s = ${dotRows('tile_q', 'row', 'tile_k', 'column', D4)};
  if (adjusted) { s = features1(seq, feature_b, feature_h, i0 + row, j0 + column, s); }
  tile_s[e] = s;
}`;

/** WGSL: dot product of row `a` of one tile with row `b` of another; its function must stand at module scope. */
export const dotRows = (tileA: string, a: string, tileB: string, b: string, width: number): string =>
  `dot_${tileA}_${tileB}(${a} * ${width}u, ${b} * ${width}u)`;

/** That function. */
export const dotRowsWgsl = (tileA: string, tileB: string, width: number): string => `
fn dot_${tileA}_${tileB}(a: u32, b: u32) -> f32 {
  var sum = 0.0;
  for (var d = 0u; d < ${width}u + params.zero; d++) { sum += dot(${tileA}[a + d], ${tileB}[b + d]); }
  return sum;
}`;
