import type { Kernel } from '../../device/pipeline-cache';
import { dropout4Wgsl, type ScoreFeatures } from '../../features/score';
import {
  declareRows,
  laneLoop,
  laneMainWgsl,
  type LaneTile,
  ownRows,
  rowArray,
  rowGroups,
  rowPart,
  rowWidth,
  storeRows,
} from '../../wgsl/lane-tile';
import { laneAccumulate, loadStep } from '../../wgsl/lanes';
import { declareStep, keepStep } from '../../wgsl/quads';
import type { Params } from '../../wgsl/params';
import { type Element, loadFunction, storageArray, storeFunction } from '../../wgsl/staging';
import { featureAccess, headWgsl } from '../common';
import { eachHeadWgsl, operandRows, resultRows, resultTileWgsl } from './weighted-sum';

/**
 * result = scale M rows, or scale M^T rows, as lane tiles (wgsl/lane-tile.ts); weighted-sum.ts is the same for a GPU. A lane owns
 * result rows and reads their weights one by one.
 * @param width length of the rows of operand and result
 */
export function weightedSumLanesKernel(
  t: LaneTile,
  width: number,
  element: Element,
  transposed: boolean,
  f: ScoreFeatures,
  params: Params,
): Kernel {
  const rows = operandRows(width);
  // The weight of row e of group g with row c of the step.
  const weight = (c: string, g: string, e: string): string => {
    const [i, j] = transposed ? ['step_row', 'own_row'] : ['own_row', 'step_row'];
    return `let own_row = r0 + (${g} * ${rowWidth(t)}u + ${e}) * ${t.lanes}u + x;
    let step_row = s0 + ${c};
    var w = 0.0;
    if ((own_row < rows_own) & (step_row < rows_step)) { w = dropout1(feature_b, feature_h, ${i}, ${j}, matrix[4u * (at + ${i} * params.Nk4) + ${j}]); }
    ${rowPart(t, `weights[${c} * ${rowGroups(t)}u + ${g}]`, e)} = w;`;
  };
  const code = `
enable subgroups;
${headWgsl(f, params, 4)}
@group(0) @binding(1) var<storage, read> matrix: array<f32>;
${storageArray(2, 'read', 'rows', width, element)}
${storageArray(3, 'read_write', 'result', width, element)}
${loadFunction('rows', width, element)}
${storeFunction('result', width, element)}
${dropout4Wgsl(f)}

${laneMainWgsl(t)}
${resultTileWgsl(ownRows(t), transposed, f)}
${declareRows(t, 'acc', width)}
${rowArray(t, 'weights', t.step)}
${declareStep(t, rows)}
${eachHeadWgsl(transposed)}
for (var s0 = 0u; s0 < rows_step; s0 += ${t.step}u) {
  ${loadStep(t, rows)}
  ${laneLoop(t, 'c', t.step, (c) => laneLoop(t, 'g', rowGroups(t), (g) => laneLoop(t, 'e', rowWidth(t), (e) => weight(c, g, e))))}
  ${keepStep(t, rows)}
  ${laneAccumulate(t, 'acc', 'weights', rows)}
}
}
${storeRows(t, 'acc', resultRows(width), () => 'params.scale')}
}`;
  return {
    label: transposed ? 'naive transposed sum' : 'naive sum',
    code,
    access: ['read', 'read', 'read_write', ...featureAccess(f)],
  };
}
