import type { Problem } from '../../api/problem';
import type { DeviceFacts } from '../../device/device';
import type { Step } from '../../device/dispatch';
import type { Plan } from '../../device/plan';
import { keySource } from '../../features/key-cache';
import { compiledFeatures, type ScoreFeatures, storageCount } from '../../features/score';
import type { Params } from '../../wgsl/params';
import { type AttentionTile, attentionParams, featureBindings } from '../common';
import { biasGrid, biasGridParams, dbiasScratch, dbiasSum, finishDbias, hasDbias } from '../dbias-sum';
import { mergeSplitsSteps, splitParams, splitResults, splitScratch } from '../splits/merge-splits';
import { chooseSplits } from '../splits/choose-splits';
import { type OperandName, type Operands, slices } from '../operands';
import { madeOnce } from '../made-once';
import {
  bindKeyGradients,
  gradientBuffer,
  gradientBytes,
  resultBytes,
  writtenGradients,
  writtenResults,
} from '../outputs';
import { countTiles, eachSlice, featureUploads } from '../steps';
import {
  type AnyTile,
  type AttentionLanes,
  chooseAnyTile,
  chooseDbiasLanes,
  chooseFewRows,
  chooseTile,
  type ForwardTile,
  queryWorkgroups,
} from './choose-tile';
import { anyDbiasKernel, anyDkdvKernel, anyDqKernel } from './any-backward';
import { anyForwardKernel } from './any-forward';
import { DELTA_ROWS, deltaKernel, type SumOrder } from './delta';
import { describeTile } from './describe-tile';
import { maximaBinding, maximaSteps, maximaUpload } from './float-maxima';

/** Operations of a slice's matrix products, with inner or outer sizes that add up to `widths`, over the visited tiles. */
function tileFlops(p: Problem, { slice }: Operands, tile: { br: number; bc: number }, widths: number): number {
  const part = (slice.B * slice.H) / (p.B * p.H);
  return 2 * part * Math.max(countTiles(p, tile).visited, 1) * tile.br * tile.bc * widths;
}

/** Into how many parts the keys are split: few queries, in one slice, make few workgroups. */
const splitsOf = (tile: ForwardTile, p: Problem, facts: DeviceFacts): number =>
  !p.sequences && slices(p, facts).length === 1 ? chooseSplits(p, queryWorkgroups(tile, p, p), tile.bc, facts) : 1;

/**
 * The forward pass: one kernel, a workgroup for each tile of queries of each head, or of a part of the keys, which another one merges.
 * Inputs q, k, v, and bias and mask where the problem has them; outputs out and lse.
 * @param tile null for the device's own choice
 */
export function flash2Forward(p: Problem, facts: DeviceFacts, forced: AttentionTile | null): Plan {
  const few = forced ? null : chooseFewRows(p, facts);
  const tile = forced ?? few ?? chooseAnyTile('forward', null, p, facts);
  const f = compiledFeatures(p, facts);
  const splits = few ? splitsOf(few, p, facts) : 1;
  const variant = { keys: keySource(p), split: splits > 1 };
  const [out, lse] = splitResults(splits);
  return {
    path: `flash2 forward: ${describeTile(tile, facts)}${variant.split ? `, ${splits} splits` : ''}`,
    tiles: countTiles(p, tile),
    outputs: resultBytes(p),
    scratch: splitScratch(p, splits),
    written: [...writtenResults(p), 'parts', 'part_lse'],
    uploads: { ...featureUploads(p, f), ...maximaUpload(tile, p, facts) },
    steps: (buffers) =>
      eachSlice(p, facts, [], (operands, n) => {
        const params = { ...attentionParams(p, f, operands), ...splitParams(p, splits) };
        const bind = (name: OperandName, buffer: string = name): GPUBufferBinding =>
          operands.bind(name, buffers[buffer]);
        return [
          ...maximaSteps(tile, operands, buffers, n),
          {
            kernel: anyForwardKernel(tile, p, f, params, variant),
            params,
            buffers: [
              bind('q'),
              bind('k'),
              bind('v'),
              bind('out', out),
              bind('lse', lse),
              ...featureBindings(f, operands, buffers),
              ...maximaBinding(tile, buffers, n),
            ],
            workgroups: splits * queryWorkgroups(tile, p, operands.slice),
            flops: tileFlops(p, operands, tile, p.D + p.Dv),
          },
          ...mergeSplitsSteps(p, f, splits, facts, buffers),
        ];
      }),
  };
}

/**
 * The backward pass: delta, then dQ, then dK and dV, then dbias if there is a bias.
 * Inputs those of the forward, out, lse, dout; outputs dq, dk, dv, dbias.
 * @param tiles wanted tile, used by each kernel whose working set it fits; null for the device's own choice
 */
export function flash2Backward(p: Problem, facts: DeviceFacts, tiles: { br: number; bc: number } | null): Plan {
  const dqTile = chooseAnyTile('dq', tiles, p, facts);
  const dkdvTile = chooseAnyTile('dkdv', tiles, p, facts);
  const order = sumOrder(dqTile);
  const f = compiledFeatures(p, facts);
  return {
    path: `flash2 backward: dq ${describeTile(dqTile, facts)}; dkdv ${describeTile(dkdvTile, facts)}`,
    tiles: countTiles(p, dqTile),
    outputs: gradientBytes(p),
    scratch: { rows: 2 * resultBytes(p).lse, ...dbiasScratch(p) },
    written: [...writtenGradients(p), 'rows'],
    uploads: featureUploads(p, f),
    steps: (buffers) => [
      ...eachSlice(p, facts, ['rows', 'dbias'], (operands) => {
        const params = attentionParams(p, f, operands);
        const { slice } = operands;
        const like = (name: OperandName, buffer: string = name): GPUBufferBinding =>
          operands.bind(name, buffers[buffer]);
        const inputs = [like('q'), like('k'), like('v'), like('out', 'dout'), like('rows')];
        const features = featureBindings(f, operands, buffers);
        return [
          deltaStep(p, f, operands, buffers, order),
          {
            kernel: anyDqKernel(dqTile, p, f, params),
            params,
            buffers: [...inputs, like('q', gradientBuffer(p, 'dq')), ...features],
            workgroups: slice.B * slice.H * Math.ceil(p.Nq / dqTile.br),
            flops: tileFlops(p, operands, dqTile, 2 * p.D + p.Dv),
          },
          ...keyDispatches(f, facts).map((writes) => ({
            kernel: anyDkdvKernel(dkdvTile, p, f, params, writes),
            params,
            buffers: [...inputs, ...bindKeyGradients(p, operands, buffers, writes), ...features],
            workgroups: slice.B * slice.Hk * Math.ceil(p.Nk / dkdvTile.bc),
            flops: tileFlops(p, operands, dkdvTile, p.D + p.Dv + (writes.length * (p.D + p.Dv)) / 2),
          })),
          ...(hasDbias(p)
            ? [
                dbiasStep(p, f, dbiasTile(dqTile, p, facts), operands, [
                  ...inputs,
                  dbiasSum(operands, buffers),
                  ...features,
                ]),
              ]
            : []),
        ];
      }),
      ...finishDbias(p, buffers),
    ],
  };
}

/** The tile of dbias: that of dq, else its own, for there are no kernels of dbias for matrices. */
const dbiasTile = (dqTile: AnyTile, p: Problem, facts: DeviceFacts): AttentionTile | AttentionLanes =>
  'tx' in dqTile ? dqTile : (chooseDbiasLanes(p, facts) ?? chooseTile('dq', p, facts));

/** What each dispatch over the keys writes: dk and dv together, one by one where the device cannot bind as many tensors. */
const keyDispatches = (f: ScoreFeatures, { maxStorageBuffers }: DeviceFacts): ('dk' | 'dv')[][] =>
  7 + storageCount(f) <= maxStorageBuffers ? [['dk', 'dv']] : [['dk'], ['dv']];

/** In which order a tile adds up a product: those of dkdv and dbias do as dq's, for they are quads where that is one. */
export const sumOrder = (t: AnyTile): SumOrder => ('quads' in t && t.quads ? 'quads' : 'chains');

/** (lse, delta) of every query of a slice. */
export function deltaStep(
  p: Problem,
  f: ScoreFeatures,
  operands: Operands,
  buffers: Readonly<Record<string, GPUBuffer>>,
  order: SumOrder,
): Step {
  const { B, H } = operands.slice;
  const params = attentionParams(p, f, operands);
  const bind = (name: OperandName, buffer: string = name): GPUBufferBinding => operands.bind(name, buffers[buffer]);
  return {
    kernel: madeOnce(p, f, params)(['delta', order], () => deltaKernel(p, f, params, order)),
    params,
    buffers: [bind('out', 'dout'), bind('out'), bind('lse'), bind('rows'), ...featureBindings(f, operands, buffers)],
    workgroups: B * H * Math.ceil(p.Nq / DELTA_ROWS),
    flops: 2 * B * H * p.Nq * p.Dv,
  };
}

/** One slice's part of dbias. */
export function dbiasStep(
  p: Problem,
  f: ScoreFeatures,
  tile: AttentionTile | AttentionLanes,
  operands: Operands,
  buffers: GPUBufferBinding[],
): Step {
  const grid = biasGrid(p, operands.slice, tile);
  const params: Params = {
    ...attentionParams(p, f, operands),
    ...biasGridParams(p, operands, grid),
    bias_keys: tile.bc,
  };
  return {
    kernel: anyDbiasKernel(tile, p, f, params),
    params,
    buffers,
    workgroups: grid.batches * grid.heads * grid.tilesQ * grid.tilesK,
    flops: tileFlops(p, operands, tile, p.D + p.Dv),
  };
}
