import { range } from './params';
import { addressOf, type StageSource } from './staging';
import { vec4s } from './tiles';

/**
 * Lane tiles: the matrix products of attention as a driver that runs on a CPU runs them fast, as WGSL text.
 *
 * Such a driver turns a workgroup into vector code: a variable is a vector register with a lane for each thread. What is cheap
 * there: arithmetic on variables, and private arrays at places known when the kernel is compiled, which are plain vector loads
 * from the first-level cache. What is dear: every other load, for it is done lane by lane, with a branch for each; barriers,
 * which save and restore all registers; and long code, which no longer fits the instruction cache.
 *
 * So a workgroup is one subgroup, and a lane owns whole rows: row r * lanes + lane, for r below `rows`, of the side that stays
 * (queries in the forward and dQ, keys in dK/dV). Its rows and its results lie in private arrays, number d of all rows
 * together. The other side passes by, `step` rows a turn: the lanes load them together, a vec4 each, and hand every number
 * round, to serve `rows` multiply-adds (lanes.ts). There is no workgroup memory and no barrier, and the softmax of a row needs no
 * other lane.
 */
export interface LaneTile {
  /** Threads of a workgroup, which is one subgroup. */
  readonly lanes: number;
  /** Rows of a lane. */
  readonly rows: number;
  /** Rows of the other side in a turn. */
  readonly step: number;
  /** Four lanes that swap their numbers, on SwiftShader: see quads.ts. */
  readonly quads: boolean;
}

/** A number of the rows of a step: the place that the lane keeps its own rows' in, and WGSL of it for row c of the step. */
export interface PassingNumber {
  readonly place: number;
  of(c: number): string;
}

/** Rows of a workgroup. */
export const ownRows = (t: LaneTile): number => t.lanes * t.rows;

/**
 * Rows of a lane that go together as a vector. SwiftShader compiles a line for four rows in a fourth of the time of four lines; Mesa takes twice as
 * long for it.
 */
export const rowWidth = (t: LaneTile): number => (t.quads ? Math.min(4, t.rows) : 1);
export const rowGroups = (t: LaneTile): number => t.rows / rowWidth(t);

/** WGSL type of a number for each row of a group. */
export const rowType = (t: LaneTile, type: 'f32' | 'u32' = 'f32'): string =>
  rowWidth(t) === 1 ? type : `vec${rowWidth(t)}${type[0]}`;

/** WGSL: such a vector of what `part` gives for each row e of the group. */
export const rowVector = (t: LaneTile, type: 'f32' | 'u32', part: (e: number) => string | number): string =>
  `${rowType(t, type)}(${range(rowWidth(t)).map(part).join(', ')})`;

/** WGSL: row e of a vector. */
export const rowPart = (t: LaneTile, vector: string, e: number | string): string =>
  rowWidth(t) === 1 ? vector : `${vector}[${e}]`;

/** WGSL: an array of `count` numbers for each row of the lane; see groupAt. */
export const rowArray = (t: LaneTile, name: string, count: number, type: 'f32' | 'u32' = 'f32'): string =>
  `var ${name}: array<${rowType(t, type)}, ${count * rowGroups(t)}>;`;

/** Place of number n of row group g in an array of rowArray: n is a place in the row, or a row of the step. */
export const groupAt = (t: LaneTile, n: number, g: number): number => n * rowGroups(t) + g;

/** WGSL: number n of row r of the lane in such an array. */
export const partOf = (t: LaneTile, array: string, n: number, r: number): string =>
  rowPart(t, `${array}[${groupAt(t, n, Math.floor(r / rowWidth(t)))}]`, r % rowWidth(t));

export const eachRowGroup = (t: LaneTile, f: (g: number) => string): string => range(rowGroups(t)).map(f).join('\n');

/** Text for all scores of a lane: those of row group g with row c of the step, at place n. */
export const eachScoreGroup = (t: LaneTile, f: (g: number, c: number, n: number) => string): string =>
  eachRowGroup(t, (g) =>
    range(t.step)
      .map((c) => f(g, c, groupAt(t, c, g)))
      .join(' '),
  );

/**
 * WGSL: `body` for each `name` below `count`. Where lanes are quads, this is a loop, also because SwiftShader keeps an array that is only
 * ever used at known places in registers, which the sums need; elsewhere it is written out, for then that is what makes it fast.
 */
export const laneLoop = (t: LaneTile, name: string, count: number, body: (n: string) => string): string =>
  t.quads
    ? `for (var ${name} = 0u; ${name} < ${count}u; ${name}++) { ${body(name)} }`
    : range(count)
        .map((n) => `{ ${body(`${n}u`)} }`)
        .join('\n');

/** The entry point; `x` is the lane. */
export const laneMainWgsl = (t: LaneTile): string => `
@compute @workgroup_size(${t.lanes})
fn main(@builtin(workgroup_id) id: vec3u, @builtin(subgroup_invocation_id) x: u32) {
let group = params.first + id.x;`;

/** vec4s that a lane keeps of a row: quads keep whole fours, zeros past the row's end. */
export const keptVec4s = (t: LaneTile, size: number): number =>
  t.quads ? Math.ceil(vec4s(size) / 4) * 4 : vec4s(size);

/** A private array for the lane's rows of `size` numbers, zeroed. */
export const declareRows = (t: LaneTile, name: string, size: number): string =>
  rowArray(t, name, 4 * keptVec4s(t, size));

/** A loop over the lane's row groups g and the places of vec4s in a row, where the row has vec4 d. */
const eachOwnVec4 = (t: LaneTile, size: number, body: string): string => `
for (var g = 0u; g < ${rowGroups(t)}u + params.zero; g++) { for (var place = 0u; place < ${keptVec4s(t, size)}u + params.zero; place++) {
  // Quads keep a row in the order in which its numbers come by.
  let d = ${t.quads ? 'place ^ x' : 'place'};
  ${body}
} }`;

/** WGSL: row e of group g within the workgroup, and whether there is its vec4 d. */
function ownVec4(t: LaneTile, { size, row0, rows }: StageSource, e: string): { row: string; there: string } {
  const row = `${row0} + (g * ${rowWidth(t)}u + ${e}) * ${t.lanes}u + x`;
  const inside = keptVec4s(t, size) > vec4s(size) ? ` & (d < ${vec4s(size)}u)` : '';
  return { row, there: `(${row} < ${rows})${inside}` };
}

/** WGSL: number k of vec4 `place` of row e of group g. */
const ownPart = (t: LaneTile, array: string, k: number, e: string): string =>
  rowPart(t, `${array}[(place * 4u + ${k}u) * ${rowGroups(t)}u + g]`, e);

/** Fills a private array with the lane's rows; those that are not there stay as they are. */
export function loadRows(t: LaneTile, target: string, from: StageSource): string {
  const scaled = from.scale ? ` * ${from.scale}` : '';
  const load = (e: string): string => {
    const { row, there } = ownVec4(t, from, e);
    const keep = range(4).map((k) => `${ownPart(t, target, k, e)} = value[${k}];`);
    return `if (${there}) {
    let value = load_${from.name}(${addressOf(from)(row)}, d)${scaled};
    ${keep.join(' ')}
  }`;
  };
  return eachOwnVec4(t, from.size, laneLoop(t, 'e', rowWidth(t), load));
}

/** Writes the lane's results out. `factor` is WGSL for row e of group g. */
export function storeRows(t: LaneTile, results: string, into: StageSource, factor: (e: string) => string): string {
  const store = (e: string): string => {
    const { row, there } = ownVec4(t, into, e);
    const parts = range(4).map((k) => ownPart(t, results, k, e));
    return `if (${there}) { store_${into.name}(${addressOf(into)(row)}, d, vec4f(${parts.join(', ')}) * ${factor(e)}); }`;
  };
  return eachOwnVec4(t, into.size, laneLoop(t, 'e', rowWidth(t), store));
}
