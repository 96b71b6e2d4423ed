import { eachScoreGroup, groupAt, type LaneTile, type PassingNumber, rowArray, rowGroups, rowType } from './lane-tile';
import { range, when } from './params';
import { quadNumbers, quadProducts } from './quads';
import { addressOf, type StageSource } from './staging';
import { CHAIN, vec4s } from './tiles';

// The products of lane tiles (lane-tile.ts). But for quads, subgroupBroadcast hands a number round, and the rows of a step are loaded
// before the arithmetic with them.

/**
 * The rows of a step, `let name_n`: a vec4 a lane, vec4 n * lanes + lane of all of them. Of a row beyond the last one all are 0.
 * Quads load when they need them.
 */
export function loadStep(t: LaneTile, from: StageSource): string {
  if (t.quads) return '';
  const width = vec4s(from.size);
  const { name } = from;
  const address = addressOf(from);
  const scaled = (row: string): string =>
    (from.scale ? ` * ${from.scale}` : '') + (from.rowScale ? ` * ${from.rowScale(row)}` : '');
  const load = (n: number): string => {
    const place = n === 0 ? 'x' : `(x + ${n * t.lanes}u)`;
    if (t.step === 1) return `let ${name}_${n} = load_${name}(${address(from.row0)}, ${place})${scaled(from.row0)};`;
    const row = `${from.row0} + ${place} / ${width}u`;
    return `var ${name}_${n} = vec4f();
if (${row} < ${from.rows}) { ${name}_${n} = load_${name}(${address(row)}, ${place} % ${width}u)${scaled(row)}; }`;
  };
  return range(Math.ceil((t.step * width) / t.lanes))
    .map(load)
    .join('\n');
}

/** WGSL: number d of row c of a step, for all lanes. */
function handRound(t: LaneTile, { name, size }: StageSource, c: number, d: number): string {
  const vec4 = c * vec4s(size) + Math.floor(d / 4);
  return `subgroupBroadcast(${name}_${Math.floor(vec4 / t.lanes)}.${'xyzw'[d % 4]}, ${vec4 % t.lanes}u)`;
}

/**
 * scores[of row group g with row c] = sum over d of own[row group g] * step[row c]: S = Q K^T and its relatives.
 * @param keep whether laneAccumulate will need the step, too; what declares its array is declareStep
 */
export function laneProducts(t: LaneTile, scores: string, own: string, step: StageSource, keep = false): string {
  if (t.quads) return quadProducts(t, scores, own, step, keep);
  const type = rowType(t);
  const lines = range(step.size).flatMap((d) => [
    when(
      d > 0 && d % CHAIN === 0,
      eachScoreGroup(t, (g, c) => `all_${g}_${c} += s_${g}_${c}; s_${g}_${c} = ${type}();`),
    ),
    ...range(t.step).map((c) => {
      const sums = range(rowGroups(t)).map((g) => `s_${g}_${c} = fma(${own}[${groupAt(t, d, g)}], b, s_${g}_${c});`);
      return `{ let b = ${type}(${handRound(t, step, c, d)}); ${sums.join(' ')} }`;
    }),
  ]);
  return `{
${eachScoreGroup(t, (g, c) => `var s_${g}_${c} = ${type}(); var all_${g}_${c} = ${type}();`)}
${lines.join('\n')}
${eachScoreGroup(t, (g, c, n) => `${scores}[${n}] = all_${g}_${c} + s_${g}_${c};`)}
}`;
}

/** Whether productsOneByOne is better. Of short rows, one load of the lanes brings several. */
export const oneByOne = (t: LaneTile, { size }: StageSource): boolean =>
  !t.quads && t.step > 1 && vec4s(size) >= t.lanes;

/**
 * As laneProducts, but it loads the rows itself, by a loop over them, whose code is that of one: so much less to hold in the instruction cache. The scores
 * move up by one for each, for an array at a place that is not known is stored lane by lane.
 */
export function productsOneByOne(t: LaneTile, scores: string, own: string, step: StageSource): string {
  const one = { ...t, step: 1 };
  const row = { ...step, row0: `min(${step.row0} + c, ${step.rows} - 1u)` };
  const last = t.step - 1;
  const up = eachScoreGroup(t, (g, c, n) => (c < last ? `${scores}[${n}] = ${scores}[${groupAt(t, c + 1, g)}];` : ''));
  const keep = range(rowGroups(t)).map((g) => `${scores}[${groupAt(t, last, g)}] = one[${g}];`);
  return `{ ${rowArray(t, 'one', 1)}
for (var c = 0u; c < ${t.step}u + params.zero; c++) {
${loadStep(one, row)}
${laneProducts(one, 'one', own, row)}
${up}
${keep.join(' ')}
} }`;
}

/**
 * results[row group g] = factor results[row group g] + sum over c of weights[of row group g with row c] * step[row c]:
 * acc = alpha acc + P V and its relatives.
 * @param factor WGSL factor of row group g
 */
export function laneAccumulate(
  t: LaneTile,
  results: string,
  weights: string,
  step: StageSource,
  factor?: (g: number) => string,
): string {
  const groups = range(rowGroups(t));
  return passing(t, step)
    .map(({ place, of }) => {
      const result = (g: number): string => `${results}[${groupAt(t, place, g)}]`;
      const begin = groups.map((g) => `let a${g}_0 = ${result(g)}${factor ? ` * ${factor(g)}` : ''};`);
      const add = range(t.step).map((c) => {
        const sums = groups.map((g) => `let a${g}_${c + 1} = fma(${weights}[${groupAt(t, c, g)}], b${c}, a${g}_${c});`);
        return `let b${c} = ${rowType(t)}(${of(c)}); ${sums.join(' ')}`;
      });
      const end = groups.map((g) => `${result(g)} = a${g}_${t.step};`);
      return `{ ${begin.join(' ')}\n${add.join('\n')}\n${end.join(' ')} }`;
    })
    .join('\n');
}

const passing = (t: LaneTile, step: StageSource): PassingNumber[] =>
  t.quads ? quadNumbers(t, step) : range(step.size).map((d) => ({ place: d, of: (c) => handRound(t, step, c, d) }));
