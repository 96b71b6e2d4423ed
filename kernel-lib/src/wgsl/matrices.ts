import {
  lanesPerRow,
  matrixStride,
  type MatrixTile,
  ownMatrixRows,
  paddedSize,
  rowsOfGroup,
  rowsOfLanes,
  rowsPerLane,
  scoreStride,
  scoreVec4s,
  threads,
  vec4sPerLane,
  weightStride,
  weightVec4s,
} from './matrix-tile';
import { matrixEntry, matrixTypes, type MatrixUnit } from './matrix-types';
import { range } from './params';

/**
 * Matrix tiles: the matrix products of attention on a GPU's matrix units (WGSL's subgroup matrices), as text.
 *
 * A workgroup keeps `own` rows (queries in the forward and dQ, keys in dK/dV) and walks over the other side, `step` rows at a time.
 * Its subgroups stand in a grid: `split` of them share RM = rows * M rows, and each makes its part of the columns of the scores and of
 * the results. Operands are halves, sums are floats. What the units cannot do, all that is done to a single score or row, is done by
 * lanes on numbers that lie in workgroup memory:
 *
 *     scores   the own x step products (floats), in one region or two; once lanes have read them, results that a row factor has to reach pass here
 *     weights  what lanes make of them (halves), in one region or two
 *     stage_*  a step of rows as halves
 *
 * All arrays are of vec4u: 16 bytes a copy, aligned by type. Lane and subgroup come from local_invocation_index, whose range the
 * compiler knows, so that it can prove accesses in bounds. Matrix loads and stores are in uniform control flow only. Between a store
 * and what other lanes read of it stands a barrier, even within a subgroup: WGSL has none that is smaller.
 */

/** Types, workgroup memory and rounding. */
export const matrixModule = (t: MatrixTile): string => `
${matrixTypes(t.unit)}
var<workgroup> scores: array<vec4u, ${t.regions.scores * scoreVec4s(t)}>;
var<workgroup> weights: array<vec4u, ${t.regions.weights * weightVec4s(t)}>;
var<workgroup> row_factor: array<f32, ${ownMatrixRows(t)}>;
var<workgroup> flag: atomic<u32>;
${roundingWgsl(t.unit)}`;

/**
 * `to_half`: numbers that halves can hold, the nearest ones, ties to even; `pack8` makes halves of eight numbers, `rest8` of what those
 * have rounded away, `unpack4` floats of four. By hand rounding is seven instructions a number, which is a third of all that is done to a score.
 */
const roundingWgsl = ({ rounds }: MatrixUnit): string => `
fn pack4(x: vec4f) -> vec2u { return vec2u(pack2x16float(x.xy), pack2x16float(x.zw)); }
fn unpack4(h: vec2u) -> vec4f { return vec4f(unpack2x16float(h.x), unpack2x16float(h.y)); }
${
  rounds
    ? `
fn to_half(x: vec4f) -> vec4f { return unpack4(pack4(x)); }
fn pack8(a: vec4f, b: vec4f) -> vec4u { return vec4u(pack4(a), pack4(b)); }`
    : `
fn to_half(x: vec4f) -> vec4f {
  let b = bitcast<vec4u>(x);
  let rounded = bitcast<vec4f>((b + vec4u(0xfffu) + ((b >> vec4u(13u)) & vec4u(1u))) & vec4u(0xffffe000u));
  // The sum could carry a NaN over to a number.
  return select(rounded, x, (b & vec4u(0x7fffffffu)) > vec4u(0x7f800000u));
}
fn pack8(a: vec4f, b: vec4f) -> vec4u { return vec4u(pack4(to_half(a)), pack4(to_half(b))); }`
}
fn rest8(a: vec4f, b: vec4f) -> vec4u { return pack8(a - to_half(a), b - to_half(b)); }`;

/** `var<workgroup>` for a step of rows. */
export const declareStage = (t: MatrixTile, name: string, size: number): string =>
  `var<workgroup> stage_${name}: array<vec4u, ${t.parts * t.step * matrixStride(t, size)}>;`;

/**
 * The entry point. Subgroup w of the grid has the rows group_row .. group_row + RM - 1 and part c of the columns; the lane, for what
 * is done to single rows, has row0, row1, … and the vec4s first_vec4 .. of them.
 */
export const matrixMain = (t: MatrixTile): string => {
  const { lanes } = t.unit;
  const shared = rowsOfGroup(t) / t.split;
  return `
${matrixEntry(t.unit, threads(t))}
fn main(@builtin(workgroup_id) id: vec3u, @builtin(local_invocation_index) lid: u32) {
let group = params.first + id.x;
let w = lid / ${lanes}u;
let lane = lid % ${lanes}u;
let c = w % ${t.split}u;
let group_row = w / ${t.split}u * ${rowsOfGroup(t)}u;
let share = lane / ${rowsOfLanes(t)}u;
let first_vec4 = share * ${vec4sPerLane(t)}u;
// Which of a pair of vec4s the lane reads first, and then.
let first_of_pair = lane / 4u % 2u;
let last_of_pair = (lane / 4u + 1u) % 2u;
${eachLaneRowOf(t, (i) => `let row${i} = group_row + c * ${shared}u + lane % ${rowsOfLanes(t)}u + ${i * lanes}u;`)}
var turn = 0u;`;
};

/** Text for every row of a lane. */
export const eachLaneRowOf = (t: MatrixTile, f: (i: number) => string): string =>
  range(rowsPerLane(t)).map(f).join('\n');

/** Text for every vec4 of scores of a row of a lane. */
export const eachVec4 = (t: MatrixTile, f: (n: number) => string): string => range(vec4sPerLane(t)).map(f).join('\n');

/** WGSL: where row `row` of a region of scores begins, and of weights. */
const scoreRow = (t: MatrixTile, region: number, row: string): string =>
  `${region * scoreVec4s(t)}u + (${row}) * ${scoreStride(t)}u`;
const weightRow = (t: MatrixTile, region: number, row: string): string =>
  `${region * weightVec4s(t)}u + (${row}) * ${weightStride(t)}u`;

/** WGSL: the place in its row of what a lane has as vec4 n. */
export const vec4Place = (n: number): string =>
  `(first_vec4 + ${n - (n % 2)}u + ${n % 2 === 0 ? 'first_of_pair' : 'last_of_pair'})`;

/** WGSL: vec4 n of the scores of a lane's row i. */
export const scoreVec4 = (t: MatrixTile, region: number, i: number, n: number): string =>
  `bitcast<vec4f>(scores[${scoreRow(t, region, `row${i}`)} + ${vec4Place(n)}])`;

/** Declares name_i, the largest number of row i, over all lanes that share it; `of` is WGSL of its vec4 n. */
export const largestOfRow = (t: MatrixTile, name: string, i: number, of: (n: number) => string): string => `
let ${name}4_${i} = ${range(vec4sPerLane(t))
  .map(of)
  .reduce((a, x) => `max(${a}, ${x})`)};
var ${name}${i} = max(max(${name}4_${i}.x, ${name}4_${i}.y), max(${name}4_${i}.z, ${name}4_${i}.w));
${overRow(t, `${name}${i}`, 'max')}`;

/** WGSL: the halves of eight weights, or what they have rounded away; `of` is WGSL of vec4 n of row i. */
export const packedWeights =
  (of: (i: number, n: number) => string) =>
  (i: number, m: number, part: number): string =>
    `${part === 0 ? 'pack8' : 'rest8'}(${of(i, 2 * m)}, ${of(i, 2 * m + 1)})`;

/** Writes the weights of the lane's rows; `halves` is WGSL of the m-th eight of row i, first the halves, and behind them what they have rounded away. */
export function storeWeights(
  t: MatrixTile,
  region: number,
  halves: (i: number, m: number, part: number) => string,
): string {
  const at = (i: number, m: number, part: number): string =>
    `weights[${weightRow(t, region, `row${i}`)} + first_vec4 / 2u + ${m + (part * t.step) / 8}u]`;
  const store = (i: number, m: number, part: number): string =>
    `{ let eight = ${halves(i, m, part)}; ${at(i, m, part)} = select(eight, eight.zwxy, first_of_pair == 1u); }`;
  return eachLaneRowOf(t, (i) =>
    range(vec4sPerLane(t) / 2)
      .flatMap((m) => range(t.parts).map((part) => store(i, m, part)))
      .join('\n'),
  );
}

/** WGSL: the largest or the sum over the lanes that share a row. */
export const overRow = (t: MatrixTile, name: string, how: 'max' | 'add'): string =>
  range(Math.log2(lanesPerRow(t)))
    .map((s) => {
      const other = `subgroupShuffleXor(${name}, ${rowsOfLanes(t) << s}u)`;
      return how === 'max' ? `${name} = max(${name}, ${other});` : `${name} += ${other};`;
    })
    .join(' ');

/** sum += left * right. Of two parts each, the product of both small ones is below what f32 keeps. */
function product(
  { parts }: MatrixTile,
  left: (part: number) => string,
  right: (part: number) => string,
  sum: string,
): string {
  const pairs =
    parts === 1
      ? []
      : [
          [1, 0],
          [0, 1],
        ];
  return [...pairs, [0, 0]]
    .map(([a, b]) => `${sum} = subgroupMatrixMultiplyAccumulate(${left(a)}, ${right(b)}, ${sum});`)
    .join(' ');
}

/** Own rows as left operands, in registers: name_part_m_x. They pass through the scores' rows, as many columns as fit at a time. */
export function loadOwnMatrices(
  t: MatrixTile,
  name: string,
  size: number,
  load: (row: string, d8: string, part: number) => string,
): string {
  const { M, K } = t.unit;
  const columns = paddedSize(t, size) / K;
  const most = Math.floor((scoreStride(t) * 8) / K);
  const passes = range(Math.ceil(columns / most)).flatMap((pass) =>
    range(t.parts).map((part) => ({ part, from: pass * most, to: Math.min(columns, (pass + 1) * most) })),
  );
  return passes
    .map(({ part, from, to }) => {
      const width = ((to - from) * K) / 8;
      const loads = range(t.rows).flatMap((m) =>
        range(to - from).map((x) => {
          const at = `(group_row + ${m * M}u) * ${scoreStride(t)}u + ${(x * K) / 8}u`;
          return `let ${name}_${part}_${m}_${from + x} = subgroupMatrixLoad<Left, row_major>(&scores, ${at}, ${scoreStride(t)}u);`;
        }),
      );
      return `
workgroupBarrier();
for (var e = lid; e < ${ownMatrixRows(t) * width}u; e += ${threads(t)}u) {
  let row = e / ${width}u;
  let d8 = e % ${width}u;
  scores[row * ${scoreStride(t)}u + d8] = ${load('row', `d8 + ${(from * K) / 8}u`, part)};
}
workgroupBarrier();
${loads.join('\n')}`;
    })
    .join('\n');
}

/** How many chunks of eight numbers of a step a thread moves. */
const chunks = (t: MatrixTile, size: number): number => Math.ceil((t.step * paddedSize(t, size)) / 8 / threads(t));

/** Text for every chunk of a step: `place` is its row and its place in it. */
function eachChunk(t: MatrixTile, size: number, f: (n: number, part: number) => string): string {
  const width = paddedSize(t, size) / 8;
  const total = t.step * width;
  return range(chunks(t, size))
    .map((n) => {
      const body = `let row = e / ${width}u; let d8 = e % ${width}u; ${range(t.parts)
        .map((part) => f(n, part))
        .join(' ')}`;
      const whole = (n + 1) * threads(t) <= total;
      return `{ let e = lid + ${n * threads(t)}u; ${whole ? body : `if (e < ${total}u) { ${body} }`} }`;
    })
    .join('\n');
}

/** Declares the registers in which a step of rows waits until its place is free. */
export const declareFetch = (t: MatrixTile, name: string, size: number): string =>
  range(chunks(t, size))
    .flatMap((n) => range(t.parts).map((part) => `var fetch_${name}_${n}_${part} = vec4u();`))
    .join('\n');

/** Loads a step of rows into registers. */
export const fetchStep = (
  t: MatrixTile,
  name: string,
  size: number,
  load: (row: string, d8: string, part: number) => string,
): string => eachChunk(t, size, (n, part) => `fetch_${name}_${n}_${part} = ${load('row', 'd8', part)};`);

const stagePlace = (t: MatrixTile, size: number, part: number): string =>
  `${part * t.step * matrixStride(t, size)}u + row * ${matrixStride(t, size)}u + d8`;

/** Puts what was fetched into workgroup memory. */
export const putStep = (t: MatrixTile, name: string, size: number): string =>
  eachChunk(t, size, (n, part) => `stage_${name}[${stagePlace(t, size, part)}] = fetch_${name}_${n}_${part};`);

/** region = own * step^T: S = Q K^T and its relatives, over rows of `size` numbers; `own` names the matrices in registers. */
export function productsInto(t: MatrixTile, region: number, own: string, step: string, size: number): string {
  const { M, N, K } = t.unit;
  const stride = matrixStride(t, size);
  const columns = t.step / N / t.split;
  const at = (n: number, x: number, part: number): string =>
    `${part * t.step * stride}u + (c * ${columns}u + ${n}u) * ${N * stride}u + ${(x * K) / 8}u`;
  const each = (f: (m: number, n: number) => string): string =>
    range(t.rows)
      .flatMap((m) => range(columns).map((n) => f(m, n)))
      .join('\n');
  const turns = range(paddedSize(t, size) / K).flatMap((x) =>
    range(columns).map((n) => {
      const rights = range(t.parts).map(
        (part) => `let b${part} = subgroupMatrixLoad<Right, col_major>(&stage_${step}, ${at(n, x, part)}, ${stride}u);`,
      );
      const sums = range(t.rows).map((m) =>
        product(
          t,
          (a) => `${own}_${a}_${m}_${x}`,
          (b) => `b${b}`,
          `s_${m}_${n}`,
        ),
      );
      return `{ ${rights.join(' ')} ${sums.join(' ')} }`;
    }),
  );
  return `{
${each((m, n) => `var s_${m}_${n} = Result();`)}
${turns.join('\n')}
${each((m, n) => `subgroupMatrixStore<row_major>(&scores, ${scoreRow(t, region, `group_row + ${m * M}u`)} + (c * ${columns}u + ${n}u) * ${N / 4}u, s_${m}_${n}, ${scoreStride(t)}u);`)}
}`;
}

/** Columns of results of a subgroup, in matrices. */
const resultMatrices = (t: MatrixTile, size: number): number => paddedSize(t, size) / t.unit.N / t.split;

const eachResultMatrix = (t: MatrixTile, size: number, f: (m: number, n: number) => string): string =>
  range(t.rows)
    .flatMap((m) => range(resultMatrices(t, size)).map((n) => f(m, n)))
    .join('\n');

export const declareResults = (t: MatrixTile, name: string, size: number): string =>
  eachResultMatrix(t, size, (m, n) => `var ${name}_${m}_${n} = Result();`);

/** name += weights * step: acc += P V and its relatives; the weights lie in `region`. */
export function accumulateFrom(t: MatrixTile, name: string, region: number, step: string, size: number): string {
  const { M, N, K } = t.unit;
  const stride = matrixStride(t, size);
  const columns = resultMatrices(t, size);
  const left = (m: number, x: number, part: number): string =>
    `subgroupMatrixLoad<Left, row_major>(&weights, ${weightRow(t, region, `group_row + ${m * M}u`)} + ${(x * K + part * t.step) / 8}u, ${weightStride(t)}u)`;
  const right = (n: number, x: number, part: number): string =>
    `subgroupMatrixLoad<Right, row_major>(&stage_${step}, ${(part * t.step + x * K) * stride}u + (c * ${columns}u + ${n}u) * ${N / 8}u, ${stride}u)`;
  return range(t.step / K)
    .map((x) => {
      const lefts = range(t.rows).flatMap((m) => range(t.parts).map((p) => `let a${p}_${m} = ${left(m, x, p)};`));
      const turns = range(columns).map((n) => {
        const rights = range(t.parts).map((part) => `let b${part} = ${right(n, x, part)};`);
        const sums = range(t.rows).map((m) =>
          product(
            t,
            (a) => `a${a}_${m}`,
            (b) => `b${b}`,
            `${name}_${m}_${n}`,
          ),
        );
        return `{ ${rights.join(' ')} ${sums.join(' ')} }`;
      });
      return `{ ${lefts.join(' ')}\n${turns.join('\n')} }`;
    })
    .join('\n');
}

/**
 * Multiplies the rows of results by row_factor, through rows of scores, which must have been read. Seldom needed, so that its barriers do not
 * count; all of the workgroup must take part.
 */
export function scaleResults(t: MatrixTile, name: string, size: number): string {
  const { M, N, lanes } = t.unit;
  const at = (m: number): string => `${scoreRow(t, 0, `group_row + ${m * M}u`)} + c * ${N / 4}u`;
  const one = (m: number, n: number): string => `
subgroupMatrixStore<row_major>(&scores, ${at(m)}, ${name}_${m}_${n}, ${scoreStride(t)}u);
workgroupBarrier();
for (var e = lane; e < ${(M * N) / 4}u; e += ${lanes}u) {
  let at = ${at(m)} + e / ${N / 4}u * ${scoreStride(t)}u + e % ${N / 4}u;
  scores[at] = bitcast<vec4u>(bitcast<vec4f>(scores[at]) * row_factor[group_row + ${m * M}u + e / ${N / 4}u]);
}
workgroupBarrier();
${name}_${m}_${n} = subgroupMatrixLoad<Result, row_major>(&scores, ${at(m)}, ${scoreStride(t)}u);
workgroupBarrier();`;
  return eachResultMatrix(t, size, one);
}

/**
 * Writes the results out, rows multiplied by row_factor, through the scores' rows.
 * @param store WGSL that stores the floats a and b, eight numbers, at `d8` of own row `row`
 */
export function storeResults(t: MatrixTile, name: string, size: number, store: string): string {
  const { M, N } = t.unit;
  const columns = resultMatrices(t, size);
  const most = t.step / N / t.split;
  const eighths = N / 8;
  const pass = (from: number): string => {
    const width = Math.min(most, columns - from);
    const at = (m: number, n: number): string =>
      `${scoreRow(t, 0, `group_row + ${m * M}u`)} + (c * ${width}u + ${n}u) * ${N / 4}u`;
    const stores = range(t.rows).flatMap((m) =>
      range(width).map(
        (n) => `subgroupMatrixStore<row_major>(&scores, ${at(m, n)}, ${name}_${m}_${from + n}, ${scoreStride(t)}u);`,
      ),
    );
    const all = t.split * width * eighths;
    return `
workgroupBarrier();
${stores.join('\n')}
workgroupBarrier();
for (var e = lid; e < ${ownMatrixRows(t) * all}u; e += ${threads(t)}u) {
  let row = e / ${all}u;
  let x = e % ${all}u;
  let d8 = x / ${width * eighths}u * ${columns * eighths}u + ${from * eighths}u + x % ${width * eighths}u;
  let a = bitcast<vec4f>(scores[row * ${scoreStride(t)}u + 2u * x]) * row_factor[row];
  let b = bitcast<vec4f>(scores[row * ${scoreStride(t)}u + 2u * x + 1u]) * row_factor[row];
  ${store}
}`;
  };
  return range(Math.ceil(columns / most))
    .map((n) => pass(n * most))
    .join('\n');
}
