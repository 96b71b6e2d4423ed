import { bound, eachResult, paddedVec4s, stageStride, type TileShape, vec4s } from './tiles';

/**
 * How the numbers of a row are stored. Halves and signed bytes are unpacked from words, so that no device needs shader-f16; bytes
 * are only read, and give whole numbers.
 */
export type Element = 'f32' | 'f16' | 'i8';

/** Whether rows of `size` numbers can be read in fours: every row then starts at a multiple of four. */
const isVec4 = (size: number): boolean => size % 4 === 0;

/** Whether two rows of halves may share a word, so that their writers must not overwrite each other. */
export const sharesWords = (size: number, element: Element): boolean => element === 'f16' && size % 2 === 1;

/** Type of the storage array. */
function arrayOf(size: number, element: Element, mode: 'read' | 'read_write'): string {
  if (element === 'f32') return isVec4(size) ? 'vec4f' : 'f32';
  if (element === 'f16' && isVec4(size)) return 'vec2u';
  return sharesWords(size, element) && mode === 'read_write' ? 'atomic<u32>' : 'u32';
}

/** `var<storage>` of an array of rows of `size` numbers. */
export const storageArray = (
  binding: number,
  mode: 'read' | 'read_write',
  name: string,
  size: number,
  element: Element = 'f32',
): string => `@group(0) @binding(${binding}) var<storage, ${mode}> ${name}: array<${arrayOf(size, element, mode)}>;`;

/** `load_name(base, d)`: the d-th vec4 of the row of `size` numbers at element `base`, zero past its end. */
export function loadFunction(name: string, size: number, element: Element = 'f32'): string {
  const four: Record<Element, string> = {
    f32: `return ${name}[base / 4u + d];`,
    f16: `let words = ${name}[base / 4u + d];
  return vec4f(unpack2x16float(words.x), unpack2x16float(words.y));`,
    // Each byte is moved to the top and back, which carries its sign.
    i8: `return vec4f((vec4i(i32(${name}[base / 4u + d])) << vec4u(24u, 16u, 8u, 0u)) >> vec4u(24u));`,
  };
  const one: Record<Element, string> = {
    f32: `${name}[at]`,
    f16: `unpack2x16float(${name}[at / 2u])[at & 1u]`,
    i8: `f32((i32(${name}[at / 4u]) << (24u - 8u * (at & 3u))) >> 24u)`,
  };
  const single = `var value = vec4f();
  for (var e = 0u; e < 4u; e++) {
    let at = base + 4u * d + e;
    if (4u * d + e < ${size}u) { value[e] = ${one[element]}; }
  }
  return value;`;
  return `fn load_${name}(base: u32, d: u32) -> vec4f {\n  ${isVec4(size) ? four[element] : single}\n}`;
}

/**
 * `pack_halves(v)`: two floats as halves of a word, rounded to nearest even. SwiftShader's own pack2x16float makes NaN of what is
 * beyond the largest half and then harms the other half, too; clamping makes NaN a number.
 */
export const PACK_WGSL = `
fn pack_halves(v: vec2f) -> u32 {
  let nan = select(vec2u(), vec2u(0x7e00u), (bitcast<vec2u>(v) & vec2u(0x7fffffffu)) > vec2u(0x7f800000u));
  return pack2x16float(clamp(v, vec2f(-65536.0), vec2f(65536.0))) | nan.x | (nan.y << 16u);
}`;

/**
 * `store_name(base, d, value)`: the counterpart of {@link loadFunction}; nothing is written past the row's end. Where rows of
 * halves share words, bits are added to what must have been zero.
 * @param array storage array, where it has another name
 */
export function storeFunction(name: string, size: number, element: Element = 'f32', array = name): string {
  const body = element === 'f32' ? storeFloats(array, size) : storeHalves(array, size);
  return `fn store_${name}(base: u32, d: u32, value: vec4f) {\n  ${body}\n}`;
}

const storeFloats = (array: string, size: number): string =>
  isVec4(size)
    ? `${array}[base / 4u + d] = value;`
    : `for (var e = 0u; e < 4u; e++) { if (4u * d + e < ${size}u) { ${array}[base + 4u * d + e] = value[e]; } }`;

function storeHalves(array: string, size: number): string {
  if (isVec4(size)) return `${array}[base / 4u + d] = vec2u(pack_halves(value.xy), pack_halves(value.zw));`;
  if (!sharesWords(size, 'f16')) {
    return `for (var e = 0u; e < 4u; e += 2u) {
    if (4u * d + e < ${size}u) { ${array}[(base + 4u * d + e) / 2u] = pack_halves(vec2f(value[e], value[e + 1u])); }
  }`;
  }
  return `for (var e = 0u; e < 4u; e++) {
    let at = base + 4u * d + e;
    if (4u * d + e < ${size}u) { atomicOr(&${array}[at / 2u], pack_halves(vec2f(value[e], 0.0)) << (16u * (at & 1u))); }
  }`;
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
  /** WGSL address of a row's first element, where rows do not follow each other evenly. */
  readonly at?: (row: string) => string;
  /** WGSL factor of a row. */
  readonly rowScale?: (row: string) => string;
}

/** WGSL address of a row's first element. */
export const addressOf = (from: StageSource): ((row: string) => string) =>
  from.at ?? ((row) => `${from.base} + (${row}) * ${from.rowStride}`);

// Conditions are joined by & and |, here and in the kernels: && and || are branches, and CPU drivers pay for each of them
// with seconds of compilation.

/** Copies a tile of rows into workgroup memory, zeros where there is no row and past the end of a row. */
function stage(t: TileShape, target: string, capacity: number, used: number, slot: string, from: StageSource): string {
  const width = paddedVec4s(from.size, t.tx);
  const inside = used < capacity ? `(row < ${used}u) & ` : '';
  const at = addressOf(from);
  const row = `${from.row0} + row`;
  const scaled = (from.scale ? ` * ${from.scale}` : '') + (from.rowScale ? ` * ${from.rowScale(row)}` : '');
  return `
for (var e = lid; e < ${bound(t, capacity * width)}; e += ${t.tx * t.ty}u) {
  let row = e / ${width}u;
  let d = e % ${width}u;
  var value = vec4f();
  if (${inside}(${from.row0} + row < ${from.rows}) & (d < ${vec4s(from.size)}u)) {
    value = load_${from.name}(${at(row)}, d)${scaled};
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
    store_${into.name}(${addressOf(into)(`${into.row0} + row`)}, d, ${scratch}[row * ${stride}u + d]);
  }
}`;
}
