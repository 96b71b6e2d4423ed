import type { StageSource } from '../../wgsl/staging';

// Matrices of the linear layer: f32, rows one behind the other. Their widths are uniforms and not constants, so that one compiled
// kernel serves every width; only whether a width divides into vec4s is compiled in.

/** Type of the elements of a storage array whose rows are whole vec4s, or not. */
export const elementOf = (fours: boolean): string => (fours ? 'vec4f' : 'f32');

/**
 * `load_name(at, d)`: vec4 number at.y + d of row at.x of a matrix, zeros past the end of the row.
 * @param width WGSL: numbers of a row
 */
export function loadPart(name: string, width: string, fours: boolean): string {
  const body = fours
    ? `if (c < ${width} / 4u) { value = ${name}[at.x * (${width} / 4u) + c]; }`
    : `for (var e = 0u; e < 4u; e++) {
    if (4u * c + e < ${width}) { value[e] = ${name}[at.x * ${width} + 4u * c + e]; }
  }`;
  return `
fn load_${name}(at: vec2u, d: u32) -> vec4f {
  let c = at.y + d;
  var value = vec4f();
  ${body}
  return value;
}`;
}

/** Columns `first` .. `first` + size - 1 of some rows of a matrix, for stageOwn and stageStep. */
export const partOfRows = (name: string, size: number, first: string, row0: string, rows: string): StageSource => ({
  ...{ name, size, row0, rows },
  at: (row) => `vec2u(${row}, ${first} / 4u)`,
  // Replaced by `at`.
  base: '',
  rowStride: '',
});
