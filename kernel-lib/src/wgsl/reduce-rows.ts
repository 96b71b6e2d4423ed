import { range } from './params';
import { eachRow, type TileShape } from './tiles';

// Maxima and sums over the threads that share the rows of a tile: through workgroup memory, or, where they are in one
// subgroup, from lane to lane. Used as: publish(), a barrier, then collect() for each row. A thread that only computes along
// with another (see TileShape.sx) must bring what changes nothing.
//
// Single numbers, not vec4s: a write to one component may touch the whole vector, so neighbours would race.

/** Numbers of a row, one a thread along x, and one more, so that rows start in different banks. */
const rowStride = (t: TileShape): number => t.tx + 1;

/** vec4s of workgroup memory for the whole tile. */
export const reduceVec4s = (t: TileShape): number =>
  t.subgroup || t.shuffle ? 0 : Math.ceil((t.own * rowStride(t)) / 4);

/** What must stand at module scope. */
export function reduceWgsl(t: TileShape): string {
  if (t.subgroup) return '';
  if (t.shuffle)
    return lanesFunction(t, 'max', (a, b) => `max(${a}, ${b})`) + lanesFunction(t, 'sum', (a, b) => `${a} + ${b}`);
  const parts = Array.from({ length: t.tx }, (_, x) => `partial[row * ${rowStride(t)}u + ${x}u]`);
  return `
var<workgroup> partial: array<f32, ${4 * reduceVec4s(t)}>;
fn row_max(row: u32) -> f32 { return ${parts.reduce((a, b) => `max(${a}, ${b})`)}; }
fn row_sum(row: u32) -> f32 { return ${parts.join(' + ')}; }`;
}

/** `lanes_what(value)`: of the tx lanes of a row, in turns of half of them, a quarter, … tx is a power of two. */
const lanesFunction = (t: TileShape, what: string, both: (a: string, b: string) => string): string => `
fn lanes_${what}(value: f32) -> f32 {
  var v = value;
  ${range(Math.log2(t.tx))
    .map((n) => `v = ${both('v', `subgroupShuffleXor(v, ${2 ** n}u)`)};`)
    .join(' ')}
  return v;
}`;

/** Makes the thread's value of every row known to the others; a barrier must follow. */
export const publish = (t: TileShape, value: (r: number) => string): string =>
  t.subgroup || t.shuffle ? '' : eachRow(t, (r) => `partial[(y0 + ${r}u) * ${rowStride(t)}u + x] = ${value(r)};`);

/** Expression: the maximum or sum, over the threads of row r, of what each published. */
export function collect(t: TileShape, r: number, what: 'max' | 'sum', value: string): string {
  if (t.subgroup) return what === 'max' ? `subgroupMax(${value})` : `subgroupAdd(${value})`;
  if (t.shuffle) return `lanes_${what}(${value})`;
  return `row_${what}(y0 + ${r}u)`;
}
