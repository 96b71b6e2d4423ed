import { eachRow, type TileShape } from './tiles';

// Maxima and sums over the threads that share the rows of a tile: through workgroup memory, or, where the workgroup is one
// subgroup, from lane to lane. Used as: publish(), a barrier, then collect() for each row. A thread that only computes along
// with another (see TileShape.sx) must bring what changes nothing.
//
// Single numbers, not vec4s: a write to one component may touch the whole vector, so neighbours would race.

/** Numbers of a row, one a thread along x, and one more, so that rows start in different banks. */
const rowStride = (t: TileShape): number => t.tx + 1;

/** vec4s of workgroup memory for the whole tile. */
export const reduceVec4s = (t: TileShape): number => (t.subgroup ? 0 : Math.ceil((t.own * rowStride(t)) / 4));

/** What must stand at module scope. */
export function reduceWgsl(t: TileShape): string {
  if (t.subgroup) return '';
  const parts = Array.from({ length: t.tx }, (_, x) => `partial[row * ${rowStride(t)}u + ${x}u]`);
  return `
var<workgroup> partial: array<f32, ${4 * reduceVec4s(t)}>;
fn row_max(row: u32) -> f32 { return ${parts.reduce((a, b) => `max(${a}, ${b})`)}; }
fn row_sum(row: u32) -> f32 { return ${parts.join(' + ')}; }`;
}

/** Makes the thread's value of every row known to the others; a barrier must follow. */
export const publish = (t: TileShape, value: (r: number) => string): string =>
  t.subgroup ? '' : eachRow(t, (r) => `partial[(y0 + ${r}u) * ${rowStride(t)}u + x] = ${value(r)};`);

/** Expression: the maximum or sum, over the threads of row r, of what each published. */
export function collect(t: TileShape, r: number, what: 'max' | 'sum', value: string): string {
  if (t.subgroup) return what === 'max' ? `subgroupMax(${value})` : `subgroupAdd(${value})`;
  return `row_${what}(y0 + ${r}u)`;
}
