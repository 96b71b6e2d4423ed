import { type MatrixTile, paddedSize } from './matrix-tile';
import { when } from './params';
import { type Element, loadFunction, storageArray, type StageSource, storeFunction } from './staging';

// Rows for the matrix units, which take halves, eight at a time (wgsl/matrices.ts).

/** Whether rows of `size` halves can be read and written as 16 bytes: every row then starts at a multiple of eight. */
const isWide = (size: number, element: Element): boolean => element === 'f16' && size % 8 === 0;

/** How a kernel declares, reads and writes rows: the functions of staging.ts, or others of the same form. */
export interface RowAccess {
  readonly array: typeof storageArray;
  readonly load: typeof loadFunction;
  readonly store: typeof storeFunction;
}

export const BY_FOURS: RowAccess = { array: storageArray, load: loadFunction, store: storeFunction };

/**
 * `load8_name(base, d8, part, scale)`: eight numbers of a row as halves, 0 past its end. Of floats, times `scale`, part 0 is what a half
 * keeps of them and part 1 what it has rounded away. `store8_name(base, d8, a, b)` writes eight floats.
 */
export const byEights = (t: MatrixTile): RowAccess => {
  // Matrices may reach beyond the end of a row.
  const isPadded = (size: number): boolean => paddedSize(t, size) > size;
  return {
    array: (binding, mode, name, size, element = 'f32') =>
      isWide(size, element)
        ? `@group(0) @binding(${binding}) var<storage, ${mode}> ${name}: array<vec4u>;`
        : storageArray(binding, mode, name, size, element),
    load: (name, size, element = 'f32') => {
      const begin = `fn load8_${name}(base: u32, d8: u32, part: u32, scale: f32) -> vec4u {`;
      if (isWide(size, element)) {
        return `${begin} ${when(isPadded(size), `if (8u * d8 >= ${size}u) { return vec4u(); }`)} return ${name}[base / 8u + d8]; }`;
      }
      const four = (n: number): string =>
        `var ${'ab'[n]} = vec4f();\n  if (8u * d8 + ${4 * n}u < ${size}u) { ${'ab'[n]} = load_${name}(base, 2u * d8 + ${n}u) * scale; }`;
      return `${loadFunction(name, size, element)}
${begin}
  ${four(0)}
  ${four(1)}
  if (part == 1u) { return rest8(a, b); }
  return pack8(a, b);
}`;
    },
    store: (name, size, element = 'f32', array = name) => {
      const begin = `fn store8_${name}(base: u32, d8: u32, a: vec4f, b: vec4f) {`;
      if (isWide(size, element)) {
        return `${begin}
  ${when(isPadded(size), `if (8u * d8 >= ${size}u) { return; }`)}
  let p = to_half(a);
  let q = to_half(b);
  ${array}[base / 8u + d8] = vec4u(pack_halves(p.xy), pack_halves(p.zw), pack_halves(q.xy), pack_halves(q.zw));
}`;
      }
      return `${storeFunction(name, size, element, array)}
${begin}
  if (8u * d8 < ${size}u) { store_${name}(base, 2u * d8, a); }
  if (8u * d8 + 4u < ${size}u) { store_${name}(base, 2u * d8 + 1u, b); }
}`;
    },
  };
};

/**
 * WGSL: eight numbers at `d8` of row `row` of a tile. Beyond the last row it is that one again, as zeros would need a selection and a move for each word
 * loaded: of rows that pass by, the weights there are 0; what comes of rows that stay is not stored.
 */
export const load8 =
  (from: StageSource) =>
  (row: string, d8: string, part: number): string => {
    const at = `${from.base} + min(${from.row0} + ${row}, ${from.rows} - 1u) * ${from.rowStride}`;
    return `load8_${from.name}(${at}, ${d8}, ${part}u, ${from.scale ?? '1.0'})`;
  };

/** WGSL: the counterpart, for {@link storeResults}. */
export const store8 = (into: StageSource): string =>
  `if (${into.row0} + row < ${into.rows}) { store8_${into.name}(${into.base} + (${into.row0} + row) * ${into.rowStride}, d8, a, b); }`;
