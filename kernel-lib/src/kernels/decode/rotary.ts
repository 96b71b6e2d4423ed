import type { Element } from '../../wgsl/staging';

/**
 * Rotary position embedding (Su et al. 2021): pairs of the first `rotary_dim` numbers of a row are turned by the angle of the
 * row's position t: (x, y) becomes (x cos - y sin, x sin + y cos). Pair n is (2n, 2n + 1) if interleaved, else
 * (n, n + rotary_dim / 2).
 */
export interface Rotary {
  /** Numbers of a row that are turned; even. */
  readonly dim: number;
  readonly interleaved: boolean;
  /** How cos and sin, (positions, dim / 2), are stored. */
  readonly element: Element;
}

const scalar = (array: string, element: Element): string =>
  element === 'f32' ? `${array}[at]` : `unpack2x16float(${array}[at / 2u])[at & 1u]`;

/** `array<…>` of an operand that is read number by number. */
export const scalarArray = (element: Element): string => (element === 'f32' ? 'array<f32>' : 'array<u32>');

/** `read_name(at)`: one number of a storage array. */
export const readFunction = (name: string, element: Element): string =>
  `fn read_${name}(at: u32) -> f32 { return ${scalar(name, element)}; }`;

/** `rotated(at, d, t)`: number d of the row of `source` at element `at`, turned by position t. */
export function rotatedWgsl(source: string, rotary: Rotary | null): string {
  if (!rotary) return `fn rotated(at: u32, d: u32, t: u32) -> f32 { return read_${source}(at + d); }`;
  const half = rotary.dim / 2;
  const [pair, second, other] = rotary.interleaved
    ? ['d / 2u', '(d & 1u) == 1u', 'd ^ 1u']
    : [`d % ${half}u`, `d >= ${half}u`, `select(d + ${half}u, d - ${half}u, d >= ${half}u)`];
  return `
${readFunction('cos', rotary.element)}
${readFunction('sin', rotary.element)}
fn rotated(at: u32, d: u32, t: u32) -> f32 {
  let x = read_${source}(at + d);
  if (d >= ${rotary.dim}u) { return x; }
  let angle = t * ${half}u + ${pair};
  let y = read_${source}(at + (${other})) * read_sin(angle);
  return x * read_cos(angle) + select(-y, y, ${second});
}`;
}

/** Bindings of cos and sin from `first` on. */
export const rotaryBindings = (rotary: Rotary | null, first: number): string =>
  rotary
    ? ['cos', 'sin']
        .map(
          (name, n) => `@group(0) @binding(${first + n}) var<storage, read> ${name}: ${scalarArray(rotary.element)};`,
        )
        .join('\n')
    : '';
