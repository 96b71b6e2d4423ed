import { bound, eachResult, paddedVec4s, stageStride, type TileShape, vec4s } from './tiles';

/** Whether rows of `size` numbers can be read as vec4f: every row then starts at a multiple of 16 bytes. */
const isVec4 = (size: number): boolean => size % 4 === 0;

/** Element type of a storage array of rows of `size` numbers. */
const elementOf = (size: number): string => (isVec4(size) ? 'vec4f' : 'f32');

/** `var<storage>` of an array of rows of `size` numbers. */
export const storageArray = (binding: number, mode: 'read' | 'read_write', name: string, size: number): string =>
  `@group(0) @binding(${binding}) var<storage, ${mode}> ${name}: array<${elementOf(size)}>;`;

/** `load_name(base, d)`: the d-th vec4 of the row of `size` numbers at element `base`, zero past its end. */
export function loadFunction(name: string, size: number): string {
  const body = isVec4(size)
    ? `return ${name}[base / 4u + d];`
    : `var value = vec4f();
  for (var e = 0u; e < 4u; e++) { if (4u * d + e < ${size}u) { value[e] = ${name}[base + 4u * d + e]; } }
  return value;`;
  return `fn load_${name}(base: u32, d: u32) -> vec4f {\n  ${body}\n}`;
}

/** `store_name(base, d, value)`: the counterpart of {@link loadFunction}; nothing is written past the row's end. */
export function storeFunction(name: string, size: number): string {
  const body = isVec4(size)
    ? `${name}[base / 4u + d] = value;`
    : `for (var e = 0u; e < 4u; e++) { if (4u * d + e < ${size}u) { ${name}[base + 4u * d + e] = value[e]; } }`;
  return `fn store_${name}(base: u32, d: u32, value: vec4f) {\n  ${body}\n}`;
}

export interface StageSource {
  /** Storage array; its load function must be there. */
  readonly name: string;
  /** Length of a row. */
  readonly size: number;
  /** WGSL: element offset of row 0 of this head, distance of two rows, first row of the tile, number of rows there are. */
  readonly base: string;
  readonly rowStride: string;
  readonly row0: string;
  readonly rows: string;
  /** WGSL factor, or empty. */
  readonly scale?: string;
}

// Conditions are joined by & and |, here and in the kernels: && and || are branches, and CPU drivers pay for each of them
// with seconds of compilation.

/** Copies a tile of rows into workgroup memory, zeros where there is no row and past the end of a row. */
function stage(t: TileShape, target: string, capacity: number, used: number, slot: string, from: StageSource): string {
  const width = paddedVec4s(from.size, t.tx);
  const inside = used < capacity ? `(row < ${used}u) & ` : '';
  const scaled = from.scale ? ` * ${from.scale}` : '';
  return `
for (var e = lid; e < ${bound(t, capacity * width)}; e += ${t.tx * t.ty}u) {
  let row = e / ${width}u;
  let d = e % ${width}u;
  var value = vec4f();
  if (${inside}(${from.row0} + row < ${from.rows}) & (d < ${vec4s(from.size)}u)) {
    value = load_${from.name}(${from.base} + (${from.row0} + row) * ${from.rowStride}, d)${scaled};
  }
  ${target}[${slot} * ${stageStride(from.size, t.tx)}u + d] = value;
}`;
}

/** Stages the rows that stay. `used` is how many of the tile's rows take part. */
export const stageOwn = (t: TileShape, target: string, used: number, from: StageSource): string =>
  stage(t, target, t.own, used, 'row', from);

/** Stages the rows of one step, in the slots that tiles.ts explains. */
export const stageStep = (t: TileShape, target: string, used: number, from: StageSource): string =>
  stage(t, target, t.step, used, `((row & 3u) * ${t.step / 4}u + (row >> 2u))`, from);

/** Vec4s of workgroup memory for `rows` staged rows of the longest of `sizes`. */
export const stageLength = (rows: number, tx: number, ...sizes: number[]): number =>
  rows * Math.max(...sizes.map((size) => stageStride(size, tx)));

/**
 * Writes the workgroup's own x size result `acc` out, through `scratch` (at least `own` rows of workgroup memory), so that one
 * short loop stores whole rows instead of every thread its scattered parts.
 * @param used how many of the own rows take part
 * @param factor WGSL factor of row r
 */
export function storeOwn(
  t: TileShape,
  acc: string,
  scratch: string,
  used: number,
  into: StageSource,
  factor: (r: number) => string,
): string {
  const stride = stageStride(into.size, t.tx);
  const width = vec4s(into.size);
  return `
workgroupBarrier();
${eachResult(t, into.size, (r, c) => `${scratch}[(y0 + ${r}u) * ${stride}u + x + ${c * t.tx}u] = ${acc}_${r}_${c} * ${factor(r)};`)}
workgroupBarrier();
for (var e = lid; e < ${bound(t, used * width)}; e += ${t.tx * t.ty}u) {
  let row = e / ${width}u;
  let d = e % ${width}u;
  if (${into.row0} + row < ${into.rows}) {
    store_${into.name}(${into.base} + (${into.row0} + row) * ${into.rowStride}, d, ${scratch}[row * ${stride}u + d]);
  }
}`;
}
