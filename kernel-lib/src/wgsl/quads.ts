import { groupAt, keptVec4s, type LaneTile, type PassingNumber, rowGroups, rowType } from './lane-tile';
import { range } from './params';
import { addressOf, type StageSource } from './staging';
import { vec4s } from './tiles';

/**
 * The products of lane tiles (lane-tile.ts) for SwiftShader, whose subgroups have four lanes. What its compiler (Subzero) makes
 * of WGSL, read in its machine code, decides how they are written:
 *
 * - A broadcast is 7 to 16 instructions, a swap within a quad is one. So every lane multiplies with what its neighbours have, in
 *   turn: in turn s of vec4 n, lane x has vec4 4 n + (x ^ s) of the row, and keeps its own rows and results in that order.
 * - A store is some 14 instructions, for it must keep what lanes that take no part have; a load from the same place is one. So sums
 *   are chains of `let`, and several rows pass by in a turn, so that a result is stored once for all of them.
 * - Registers go to what is used often, however far apart: what lives through a loop takes them from the sums. So what a row keeps
 *   lies in arrays, and loads come right before their use.
 * - A load of a vec4 from storage is some 300 instructions. So there are as many rows a lane as sums fit the registers.
 */

const SWAPS = ['', 'quadSwapX', 'quadSwapY', 'quadSwapDiagonal'];

/** WGSL: in turn s, the number that this lane multiplies with. */
const swapped = (value: string, s: number): string => (s === 0 ? value : `${SWAPS[s]}(${value})`);

/** WGSL: vec4 4 n + x of the row whose first element is at `first`, zeros past its end. */
function loadFour({ name, size, scale }: StageSource, n: string): string {
  const load = `load_${name}(first, x + 4u * ${n})${scale ? ` * ${scale}` : ''}`;
  return vec4s(size) % 4 === 0 ? load : `select(vec4f(), ${load}, x + 4u * ${n} < ${vec4s(size)}u)`;
}

/** WGSL: opens the loop over the rows c of a step. One beyond the last is the last: whatever comes of it has weight 0. */
const eachStepRow = (t: LaneTile, from: StageSource): string => `for (var c = 0u; c < ${t.step}u; c++) {
  let row = min(${from.row0} + c, ${from.rows} - 1u);
  let first = ${addressOf(from)('row')};
  ${from.rowScale ? `let row_scale = ${from.rowScale('row')};` : ''}`;

const withRowScale = (from: StageSource, value: string): string => (from.rowScale ? `${value} * row_scale` : value);

/** The numbers that a lane loads of a row: part e of its vec4 n. Each comes by in four turns. */
const ownNumbers = (t: LaneTile, size: number): { n: number; e: number }[] =>
  range(keptVec4s(t, size) / 4).flatMap((n) => range(4).map((e) => ({ n, e })));

/** Where a row of the lane has the number that comes by in turn s. */
const placeOf = (n: number, e: number, s: number): number => (n * 4 + s) * 4 + e;

/**
 * As laneProducts. The four products of turns 0 to 3 are added in pairs, which is the same sum in every lane, though each begins elsewhere;
 * delta.ts adds likewise.
 */
export function quadProducts(t: LaneTile, scores: string, own: string, step: StageSource, keep: boolean): string {
  const type = rowType(t);
  const groups = range(rowGroups(t));
  const load = (n: number): string => `let four_${n} = ${loadFour(step, `${n}u`)};
${keep ? keepFour(t, step, `${n}u`, withRowScale(step, `four_${n}`)) : ''}
`;
  let sums = groups.map(() => `${type}()`);
  const lines = ownNumbers(t, step.size).map(({ n, e }) => {
    const at = 4 * n + e;
    const b = range(4).map((s) => `let b_${at}_${s} = ${type}(${swapped(`four_${n}.${'xyzw'[e]}`, s)});`);
    const next = groups.map((g) => `s_${g}_${at}`);
    const adds = groups.map((g) => {
      const term = (s: number): string => `${own}[${groupAt(t, placeOf(n, e, s), g)}] * b_${at}_${s}`;
      return `let ${next[g]} = ${sums[g]} + ((${term(0)} + ${term(1)}) + (${term(2)} + ${term(3)}));`;
    });
    sums = next;
    return `${e === 0 ? load(n) : ''}${b.join(' ')} ${adds.join(' ')}`;
  });
  const results = sums.map((sum, g) => `${scores}[c * ${rowGroups(t)}u + ${g}u] = ${withRowScale(step, sum)};`);
  return `${eachStepRow(t, step)}
${lines.join('\n')}
${results.join(' ')}
}`;
}

/** The array that keeps the rows of a step for quadNumbers: number e of vec4 4 n + x of row c at (4 n + e) * step + c. */
export const declareStep = (t: LaneTile, { name, size }: StageSource): string =>
  t.quads ? `var step_${name}: array<f32, ${keptVec4s(t, size) * t.step}>;` : '';

const keepFour = (t: LaneTile, { name }: StageSource, n: string, four: string): string =>
  range(4)
    .map((e) => `step_${name}[(${n} * 4u + ${e}u) * ${t.step}u + c] = (${four})[${e}];`)
    .join(' ');

/** Loads the rows of a step into that array, where no product has done so. */
export const keepStep = (t: LaneTile, step: StageSource): string =>
  t.quads
    ? `${eachStepRow(t, step)}
for (var n = 0u; n < ${keptVec4s(t, step.size) / 4}u; n++) {
  let four = ${withRowScale(step, loadFour(step, 'n'))};
  ${keepFour(t, step, 'n', 'four')}
}
}`
    : '';

/** The numbers of a row as they come by, for laneAccumulate. */
export const quadNumbers = (t: LaneTile, { name, size }: StageSource): PassingNumber[] =>
  ownNumbers(t, size).flatMap(({ n, e }) =>
    range(4).map((s) => ({
      place: placeOf(n, e, s),
      of: (c: number): string => swapped(`step_${name}[${(n * 4 + e) * t.step + c}]`, s),
    })),
  );
