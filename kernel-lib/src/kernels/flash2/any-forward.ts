import type { Problem } from '../../api/problem';
import type { Kernel } from '../../device/pipeline-cache';
import type { ScoreFeatures } from '../../features/score';
import type { Params } from '../../wgsl/params';
import { madeOnce } from '../made-once';
import type { AnyTile } from './choose-tile';
import { forwardKernel } from './forward';
import type { ForwardVariant } from './forward-common';
import { forwardLanesKernel } from './forward-lanes';
import { forwardMatricesKernel } from './forward-matrices';

/** The forward kernel for a tile of any kind, its text made once. */
export function anyForwardKernel(
  tile: AnyTile,
  p: Problem,
  f: ScoreFeatures,
  params: Params,
  variant: ForwardVariant,
): Kernel {
  const once = madeOnce(p, f, params);
  return once(['forward', tile, variant], () => {
    if ('unit' in tile) return forwardMatricesKernel(tile, p, f, params);
    return 'lanes' in tile
      ? forwardLanesKernel(tile, p, f, params, variant)
      : forwardKernel(tile, p, f, params, variant);
  });
}
