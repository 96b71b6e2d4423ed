import type { Problem } from '../../api/problem';
import type { Kernel } from '../../device/pipeline-cache';
import type { ScoreFeatures } from '../../features/score';
import type { Params } from '../../wgsl/params';
import { madeOnce } from '../made-once';
import type { ForwardTile } from './choose-tile';
import { forwardKernel } from './forward';
import type { ForwardVariant } from './forward-common';
import { forwardLanesKernel } from './forward-lanes';
import { forwardMatricesKernel } from './forward-matrices';
import { forwardStreamsKernel } from './forward-streams';

/** The forward kernel for a tile of any kind, its text made once. */
export function anyForwardKernel(
  tile: ForwardTile,
  p: Problem,
  f: ScoreFeatures,
  params: Params,
  variant: ForwardVariant,
): Kernel {
  const once = madeOnce(p, f, params);
  return once(['forward', tile, variant], () => {
    if ('perKey' in tile) return forwardStreamsKernel(tile, p, f, params, variant);
    if ('unit' in tile) return forwardMatricesKernel(tile, p, f, params);
    return 'lanes' in tile
      ? forwardLanesKernel(tile, p, f, params, variant)
      : forwardKernel(tile, p, f, params, variant);
  });
}
