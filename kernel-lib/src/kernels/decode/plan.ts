import type { KeyCache, Problem } from '../../api/problem';
import type { DeviceFacts } from '../../device/device';
import type { Step } from '../../device/dispatch';
import type { Plan } from '../../device/plan';
import { keyCacheParams, keySource, scaleBuffers } from '../../features/key-cache';
import { compiledFeatures, type ScoreFeatures } from '../../features/score';
import { wordCount } from '../../features/sequences';
import type { Params } from '../../wgsl/params';
import { vec4s } from '../../wgsl/tiles';
import { type AttentionTile, attentionParams, featureBindings } from '../common';
import { anyForwardKernel } from '../flash2/any-forward';
import {
  type ForwardTile,
  chooseFewRows,
  chooseLaneTile,
  chooseTile,
  forceTile,
  queryWorkgroups,
} from '../flash2/choose-tile';
import { describeTile } from '../flash2/describe-tile';
import { Operands, slices } from '../operands';
import { resultBytes, writtenResults } from '../outputs';
import { countTiles, featureUploads } from '../steps';
import { APPEND_THREADS, appendKernel } from './append';
import { appendI8Kernel } from './append-i8';
import type { Rotary } from './rotary';
import { ROTATE_THREADS, rotateQueriesKernel } from './rotate-queries';
import { chooseSplits } from '../splits/choose-splits';
import { mergeSplitsSteps, splitParams, splitResults, splitScratch } from '../splits/merge-splits';

/** What a call does beside attending. */
export interface DecodeOptions {
  /** Rows appended for each batch entry, 0 for none. */
  readonly newRows: number;
  /** Rows that each batch entry had before, (B). */
  readonly positions: Int32Array;
  readonly rotary: Rotary | null;
  /** Whether query i stands at its batch entry's position + i, or all of them at that position. */
  readonly advance: boolean;
  /** Parts of the keys; 0 for the device's own choice. */
  readonly splits: number;
}

type Buffers = Readonly<Record<string, GPUBuffer>>;
type CachedProblem = Problem & { readonly cache: KeyCache };

/** The forward tile of a driver on a CPU without lane tiles, with no more queries than there are. */
function decodeTile(p: Problem, facts: DeviceFacts): AttentionTile {
  const tile = chooseTile('forward', p, facts);
  const br = Math.min(tile.br, 2 ** Math.ceil(Math.log2(Math.max(1, p.Nq))));
  return forceTile('forward', { br, bc: tile.bc }, p, facts).tile ?? tile;
}

/**
 * Attention over a cache: new keys and values are appended, queries turned, then FlashAttention-2's forward reads the cache where
 * it lies; with splits, each workgroup has a part of the keys and an exact merge follows (Flash-Decoding, Dao et al. 2023).
 *
 * Inputs q, cache_k, cache_v; new_k and new_v, k_scales and v_scales, cos and sin, bias and mask where there are any.
 * Outputs out and lse.
 */
export function decodePlan(p: CachedProblem, o: DecodeOptions, facts: DeviceFacts): Plan {
  const tile = chooseFewRows(p, facts) ?? chooseLaneTile('forward', p, facts) ?? decodeTile(p, facts);
  const splits = o.splits || chooseSplits(p, queryWorkgroups(tile, p, p), tile.bc, facts);
  const { out, lse } = resultBytes(p);
  const f = compiledFeatures(p, facts);
  const positions = wordCount(p);
  return {
    path: `flash2 forward over a cache: ${describeTile(tile, facts)}, ${splits} split(s)`,
    tiles: countTiles(p, tile),
    outputs: { out, lse },
    scratch: {
      ...(o.rotary ? { rotated_q: (out / p.Dv) * p.D } : {}),
      ...splitScratch(p, splits),
    },
    written: [...writtenResults(p), 'parts', 'part_lse'],
    uploads: featureUploads(p, f, o.positions),
    steps: (buffers) => [
      ...(o.newRows > 0 ? [appendStep('k', p, o, positions, buffers), appendStep('v', p, o, positions, buffers)] : []),
      ...(o.rotary ? [rotateStep(p, o, o.rotary, positions, buffers)] : []),
      ...attendSteps(p, f, tile, splits, facts, { ...buffers, q: o.rotary ? buffers.rotated_q : buffers.q }),
    ],
  };
}

/** The uniforms that tell where rows of the cache lie. */
const cacheParams = (p: CachedProblem, o: DecodeOptions, positions: number): Params => ({
  ...{ Hk: p.Hk, N: o.newRows, positions },
  ...keyCacheParams(p),
});

function appendStep(name: 'k' | 'v', p: CachedProblem, o: DecodeOptions, positions: number, buffers: Buffers): Step {
  const { cache, B, Hk } = p;
  const width = name === 'k' ? p.D : p.Dv;
  const rotary = name === 'k' ? o.rotary : null;
  const rows = B * o.newRows * Hk;
  const turned = rotary ? [{ buffer: buffers.cos }, { buffer: buffers.sin }] : [];
  const bound = [{ buffer: buffers[`new_${name}`] }, { buffer: buffers.words }, { buffer: buffers[`cache_${name}`] }];
  const flops = 4 * rows * width;
  if (cache.element === 'i8') {
    // Blocks that the new rows of one batch entry can touch: whole ones, one at each end, and short ones at the ends of pages.
    const whole = Math.ceil(o.newRows / Math.min(cache.scaleBlock, cache.pageSize));
    const blocks = whole + 1 + Math.ceil(o.newRows / cache.pageSize);
    const params: Params = { ...cacheParams(p, o, positions), blocks };
    return {
      kernel: appendI8Kernel(width, p.dtype, rotary, params),
      params,
      buffers: [...bound, { buffer: buffers[`${name}_scales`] }, ...turned],
      workgroups: B * blocks * Hk,
      flops,
    };
  }
  const params: Params = { ...cacheParams(p, o, positions), rows };
  return {
    kernel: appendKernel(width, p.dtype, cache.element, rotary, params),
    params,
    buffers: [...bound, ...turned],
    workgroups: Math.ceil((rows * vec4s(width)) / APPEND_THREADS),
    flops,
  };
}

function rotateStep(p: Problem, o: DecodeOptions, rotary: Rotary, positions: number, buffers: Buffers): Step {
  const rows = p.B * p.Nq * p.H;
  const params: Params = { rows, N: p.Nq, H: p.H, positions, advance: Number(o.advance) };
  return {
    kernel: rotateQueriesKernel(p.D, p.dtype, rotary, params),
    params,
    buffers: ['q', 'words', 'rotated_q', 'cos', 'sin'].map((name) => ({ buffer: buffers[name] })),
    workgroups: Math.ceil((rows * vec4s(p.D)) / ROTATE_THREADS),
    flops: 4 * rows * p.D,
  };
}

function attendSteps(
  p: CachedProblem,
  f: ScoreFeatures,
  tile: ForwardTile,
  splits: number,
  facts: DeviceFacts,
  buffers: Buffers,
): Step[] {
  const keys = keySource(p);
  // A table names pages of the whole cache, so the whole of it is bound.
  const [whole] = slices(p, facts);
  const operands = new Operands(p, whole, 1);
  const params: Params = { ...attentionParams(p, f, operands), ...splitParams(p, splits) };
  const bind = (...names: string[]): GPUBufferBinding[] => names.map((name) => ({ buffer: buffers[name] }));
  const rows = p.B * p.H * p.Nq;
  const attend: Step = {
    kernel: anyForwardKernel(tile, p, f, params, { keys, split: splits > 1 }),
    params,
    buffers: [
      ...bind('q', 'cache_k', 'cache_v', ...splitResults(splits)),
      ...featureBindings(f, operands, buffers),
      ...bind(...scaleBuffers(keys)),
    ],
    workgroups: splits * queryWorkgroups(tile, p, p),
    flops: 2 * rows * Math.max(p.Nk, 1) * (p.D + p.Dv),
  };
  return [attend, ...mergeSplitsSteps(p, f, splits, facts, buffers)];
}
