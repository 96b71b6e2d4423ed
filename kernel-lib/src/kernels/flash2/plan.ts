import type { Problem } from '../../api/problem';
import type { DeviceFacts } from '../../device/device';
import type { Plan, TileInfo } from '../../device/plan';
import { causal } from '../../features/causal';
import { chooseTile, forceTile, type Pass } from './choose-tile';
import { type AttentionTile, attentionParams } from './common';
import { DELTA_ROWS, deltaKernel } from './delta';
import { dkdvKernel } from './dkdv';
import { dqKernel } from './dq';
import { forwardKernel } from './forward';

/** Tiles that the forward and dQ compute, those that some query of the tile sees, of all there are. */
export function countTiles(p: Problem, { br, bc }: { br: number; bc: number }): TileInfo {
  let visited = 0;
  for (let i0 = 0; i0 < p.Nq; i0 += br) {
    visited += Math.ceil(causal.keyEnd(p, Math.min(i0 + br, p.Nq) - 1) / bc);
  }
  const heads = p.B * p.H;
  return { br, bc, visited: heads * visited, total: heads * Math.ceil(p.Nq / br) * Math.ceil(p.Nk / bc) };
}

/** Operations of matrix products with inner or outer sizes that add up to `widths`, over the visited tiles. */
function tileFlops(p: Problem, tile: AttentionTile, widths: number): number {
  return 2 * Math.max(countTiles(p, tile).visited, 1) * tile.br * tile.bc * widths;
}

/**
 * The forward pass: one kernel, a workgroup for each tile of queries of each head.
 * Inputs q, k, v; outputs out and lse.
 * @param tile null for the device's own choice
 */
export function flash2Forward(p: Problem, facts: DeviceFacts, forced: AttentionTile | null): Plan {
  const tile = forced ?? chooseTile('forward', p, facts);
  const params = attentionParams(p);
  return {
    path: `flash2 forward: ${describeTile(tile, facts)}`,
    tiles: countTiles(p, tile),
    outputs: { out: 4 * p.B * p.H * p.Nq * p.Dv, lse: 4 * p.B * p.H * p.Nq },
    scratch: {},
    steps: ({ q, k, v, out, lse }) => [
      {
        kernel: forwardKernel(tile, p, params),
        params,
        buffers: [q, k, v, out, lse],
        workgroups: p.B * p.H * Math.ceil(p.Nq / tile.br),
        flops: tileFlops(p, tile, p.D + p.Dv),
      },
    ],
  };
}

/**
 * The backward pass: delta, then dQ, then dK and dV.
 * Inputs q, k, v, out, lse, dout; outputs dq, dk, dv.
 * @param tiles wanted tile, used by each kernel whose working set it fits; null for the device's own choice
 */
export function flash2Backward(p: Problem, facts: DeviceFacts, tiles: { br: number; bc: number } | null): Plan {
  const choose = (pass: Pass): AttentionTile =>
    (tiles && forceTile(pass, tiles, p, facts).tile) ?? chooseTile(pass, p, facts);
  const dqTile = choose('dq');
  const dkdvTile = choose('dkdv');
  const params = attentionParams(p);
  return {
    path: `flash2 backward: dq ${describeTile(dqTile, facts)}; dkdv ${describeTile(dkdvTile, facts)}`,
    tiles: countTiles(p, dqTile),
    outputs: {
      dq: 4 * p.B * p.H * p.Nq * p.D,
      dk: 4 * p.B * p.Hk * p.Nk * p.D,
      dv: 4 * p.B * p.Hk * p.Nk * p.Dv,
    },
    scratch: { delta: 4 * p.B * p.H * p.Nq },
    steps: ({ q, k, v, out, lse, dout, delta, dq, dk, dv }) => [
      {
        kernel: deltaKernel(p, params),
        params,
        buffers: [dout, out, delta],
        workgroups: p.B * p.H * Math.ceil(p.Nq / DELTA_ROWS),
        flops: 2 * p.B * p.H * p.Nq * p.Dv,
      },
      {
        kernel: dqKernel(dqTile, p, params),
        params,
        buffers: [q, k, v, dout, lse, delta, dq],
        workgroups: p.B * p.H * Math.ceil(p.Nq / dqTile.br),
        flops: tileFlops(p, dqTile, 2 * p.D + p.Dv),
      },
      {
        kernel: dkdvKernel(dkdvTile, p, params),
        params,
        buffers: [q, k, v, dout, lse, delta, dk, dv],
        workgroups: p.B * p.Hk * Math.ceil(p.Nk / dkdvTile.bc),
        flops: tileFlops(p, dkdvTile, 2 * p.D + 2 * p.Dv),
      },
    ],
  };
}

const describeTile = (t: AttentionTile, facts: DeviceFacts): string =>
  `tiles ${t.br} x ${t.bc}, ${t.tx * t.ty} threads (${facts.kind})`;
