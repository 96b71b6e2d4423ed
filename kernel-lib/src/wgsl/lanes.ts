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
 * (queries in the forward and dQ, keys in dK/dV). Its rows and its results lie in private arrays, number d of row r at
 * d * rows + r. The other side passes by, `step` rows a turn: the lanes load them together, a vec4 each, and every number is
 * handed round by subgroupBroadcast, to serve `rows` multiply-adds. There is no workgroup memory and no barrier, and the
 * softmax of a row needs no other lane.
 */
export interface LaneTile {
  /** Threads of a workgroup, which is one subgroup. */
  readonly lanes: number;
  /** Rows of a lane. */
  readonly rows: number;
  /** Rows of the other side in a turn. */
  readonly step: number;
}

/** Rows of a workgroup. */
export const ownRows = (t: LaneTile): number => t.lanes * t.rows;

export const eachLaneRow = (t: LaneTile, f: (r: number) => string): string => range(t.rows).map(f).join('\n');

/** Text for every score of a lane: row r of its rows, row c of the step. */
export const eachLaneScore = (t: LaneTile, f: (r: number, c: number) => string): string =>
  eachLaneRow(t, (r) =>
    range(t.step)
      .map((c) => f(r, c))
      .join(' '),
  );

/** The entry point; `x` is the lane. */
export const laneMainWgsl = (t: LaneTile): string => `
@compute @workgroup_size(${t.lanes})
fn main(@builtin(workgroup_id) id: vec3u, @builtin(subgroup_invocation_id) x: u32) {
let group = params.first + id.x;`;

/** A private array for the lane's rows of `size` numbers, zeroed. */
export const declareRows = (t: LaneTile, name: string, size: number): string =>
  `var ${name}: array<f32, ${4 * vec4s(size) * t.rows}>;`;

const at = (t: LaneTile, d: number, r: number): number => d * t.rows + r;

/** A loop over the vec4s of the lane's rows: d is the vec4, r the row of the lane, `row` that of the workgroup. */
const eachOwnVec4 = (t: LaneTile, size: number, body: string): string => `
for (var n = 0u; n < ${t.rows * vec4s(size)}u + params.zero; n++) {
  let r = n / ${vec4s(size)}u;
  let d = n % ${vec4s(size)}u;
  let row = r * ${t.lanes}u + x;
  let first = d * ${4 * t.rows}u + r;
  ${body}
}`;

/** Fills a private array with the lane's rows; those that are not there stay 0. */
export function loadRows(t: LaneTile, target: string, from: StageSource): string {
  const scaled = from.scale ? ` * ${from.scale}` : '';
  return eachOwnVec4(
    t,
    from.size,
    `if (${from.row0} + row < ${from.rows}) {
    let value = load_${from.name}(${addressOf(from)(`${from.row0} + row`)}, d)${scaled};
    ${range(4)
      .map((e) => `${target}[first + ${e * t.rows}u] = value[${e}];`)
      .join(' ')}
  }`,
  );
}

/** Writes the lane's results out. `factor` is WGSL that may use r, the row of the lane. */
export const storeRows = (t: LaneTile, results: string, into: StageSource, factor: string): string =>
  eachOwnVec4(
    t,
    into.size,
    `if (${into.row0} + row < ${into.rows}) {
    let value = vec4f(${range(4)
      .map((e) => `${results}[first + ${e * t.rows}u]`)
      .join(', ')});
    store_${into.name}(${addressOf(into)(`${into.row0} + row`)}, d, value * ${factor});
  }`,
  );

/**
 * `let name_n`: the rows of a step, a vec4 a lane: vec4 n * lanes + lane of all of them. Of a row beyond the last one all are 0.
 */
export function loadStep(t: LaneTile, name: string, from: StageSource): string {
  const width = vec4s(from.size);
  const address = addressOf(from);
  const scaled = (row: string): string =>
    (from.scale ? ` * ${from.scale}` : '') + (from.rowScale ? ` * ${from.rowScale(row)}` : '');
  const load = (n: number): string => {
    const place = n === 0 ? 'x' : `(x + ${n * t.lanes}u)`;
    if (t.step === 1)
      return `let ${name}_${n} = load_${from.name}(${address(from.row0)}, ${place})${scaled(from.row0)};`;
    const row = `${from.row0} + ${place} / ${width}u`;
    return `var ${name}_${n} = vec4f();
if (${row} < ${from.rows}) { ${name}_${n} = load_${from.name}(${address(row)}, ${place} % ${width}u)${scaled(row)}; }`;
  };
  return range(Math.ceil((t.step * width) / t.lanes))
    .map(load)
    .join('\n');
}

/** WGSL: number d of row c of a step, for all lanes. */
function handRound(t: LaneTile, name: string, size: number, c: number, d: number): string {
  const vec4 = c * vec4s(size) + Math.floor(d / 4);
  return `subgroupBroadcast(${name}_${Math.floor(vec4 / t.lanes)}.${'xyzw'[d % 4]}, ${vec4 % t.lanes}u)`;
}

/** name_r_c = sum over d of own[row r] * step[row c], in the order of d: S = Q K^T and its relatives. */
export const laneProducts = (t: LaneTile, name: string, own: string, step: string, size: number): string => `
${eachLaneScore(t, (r, c) => `var ${name}_${r}_${c} = 0.0;`)}
${range(size)
  .flatMap((d) =>
    range(t.step).map((c) => {
      const sums = range(t.rows).map((r) => `${name}_${r}_${c} = fma(${own}[${at(t, d, r)}], b, ${name}_${r}_${c});`);
      return `{ let b = ${handRound(t, step, size, c, d)}; ${sums.join(' ')} }`;
    }),
  )
  .join('\n')}`;

/**
 * results[row r] = factor results[row r] + sum over c of weight(r, c) * step[row c]: acc = alpha acc + P V and its relatives.
 * @param factor WGSL factor of row r
 */
export const laneAccumulate = (
  t: LaneTile,
  results: string,
  step: string,
  size: number,
  weight: (r: number, c: number) => string,
  factor?: (r: number) => string,
): string =>
  range(size)
    .map((d) => {
      const begin = range(t.rows).map(
        (r) => `var a${r} = ${results}[${at(t, d, r)}]${factor ? ` * ${factor(r)}` : ''};`,
      );
      const add = range(t.step).map((c) => {
        const sums = range(t.rows).map((r) => `a${r} = fma(${weight(r, c)}, b, a${r});`);
        return `{ let b = ${handRound(t, step, size, c, d)}; ${sums.join(' ')} }`;
      });
      const end = range(t.rows).map((r) => `${results}[${at(t, d, r)}] = a${r};`);
      return `{ ${begin.join(' ')}\n${add.join('\n')}\n${end.join(' ')} }`;
    })
    .join('\n');
