import type { Kernel } from '../../device/pipeline-cache';
import { dropout4Wgsl, type ScoreFeatures } from '../../features/score';
import {
  declareRows,
  eachLaneRow,
  eachLaneScore,
  laneAccumulate,
  laneMainWgsl,
  type LaneTile,
  loadStep,
  ownRows,
  storeRows,
} from '../../wgsl/lanes';
import type { Params } from '../../wgsl/params';
import { type Element, loadFunction, storageArray, storeFunction } from '../../wgsl/staging';
import { featureAccess, headWgsl } from '../common';
import { eachHeadWgsl, operandRows, resultRows, resultTileWgsl } from './weighted-sum';

/**
 * result = scale M rows, or scale M^T rows, as lane tiles (wgsl/lanes.ts); weighted-sum.ts is the same for a GPU. A lane owns
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
  const weight = (r: number, c: number): string => {
    const [i, j] = transposed ? [`(s0 + ${c}u)`, `own${r}`] : [`own${r}`, `(s0 + ${c}u)`];
    return `var w_${r}_${c} = 0.0;
if ((own${r} < rows_own)${t.step > 1 ? ` & (s0 + ${c}u < rows_step)` : ''}) { w_${r}_${c} = dropout1(feature_b, feature_h, ${i}, ${j}, matrix[4u * (at + ${i} * params.Nk4) + ${j}]); }`;
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
${eachLaneRow(t, (r) => `let own${r} = r0 + ${r * t.lanes}u + x;`)}
${eachHeadWgsl(transposed)}
for (var s0 = 0u; s0 < rows_step; s0 += ${t.step}u) {
  ${loadStep(t, 'row', operandRows(width))}
  ${eachLaneScore(t, weight)}
  ${laneAccumulate(t, 'acc', 'row', width, (r, c) => `w_${r}_${c}`)}
}
}
${storeRows(t, 'acc', resultRows(width), 'params.scale')}
}`;
  return {
    label: transposed ? 'naive transposed sum' : 'naive sum',
    code,
    access: ['read', 'read', 'read_write', ...featureAccess(f)],
  };
}
