import type { Problem } from '../../api/problem';
import type { Kernel } from '../../device/pipeline-cache';
import type { ScoreFeatures } from '../../features/score';
import type { Params } from '../../wgsl/params';
import { madeOnce } from '../made-once';
import type { AttentionTile } from '../common';
import type { AnyTile, AttentionLanes } from './choose-tile';
import { dbiasKernel } from './dbias';
import { dbiasLanesKernel } from './dbias-lanes';
import { dkdvKernel } from './dkdv';
import { dkdvLanesKernel } from './dkdv-lanes';
import { dkdvMatricesKernel } from './dkdv-matrices';
import { dqKernel } from './dq';
import { dqLanesKernel } from './dq-lanes';
import { dqMatricesKernel } from './dq-matrices';

/** The dQ kernel for a tile of any kind, its text made once. */
export function anyDqKernel(tile: AnyTile, p: Problem, f: ScoreFeatures, params: Params): Kernel {
  const once = madeOnce(p, f, params);
  return once(['dq', tile], () => {
    if ('unit' in tile) return dqMatricesKernel(tile, p, f, params);
    return 'lanes' in tile ? dqLanesKernel(tile, p, f, params) : dqKernel(tile, p, f, params);
  });
}

/** The kernel of dK and dV for a tile of any kind, its text made once; `writes` as in dkdv.ts. */
export function anyDkdvKernel(
  tile: AnyTile,
  p: Problem,
  f: ScoreFeatures,
  params: Params,
  writes: readonly ('dk' | 'dv')[],
): Kernel {
  const once = madeOnce(p, f, params);
  return once(['dkdv', tile, writes], () => {
    if ('unit' in tile) return dkdvMatricesKernel(tile, p, f, params, writes);
    return 'lanes' in tile ? dkdvLanesKernel(tile, p, f, params, writes) : dkdvKernel(tile, p, f, params, writes);
  });
}

/** The kernel of dbias for a tile of one of its two kinds, its text made once. */
export function anyDbiasKernel(
  tile: AttentionTile | AttentionLanes,
  p: Problem,
  f: ScoreFeatures,
  params: Params,
): Kernel {
  return madeOnce(
    p,
    f,
    params,
  )(['dbias', tile, p.bias!.shape[2] === 1], () =>
    'lanes' in tile ? dbiasLanesKernel(tile, p, f, params) : dbiasKernel(tile, p, f, params),
  );
}
