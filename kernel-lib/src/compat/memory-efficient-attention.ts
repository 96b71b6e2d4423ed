import { attend } from '../api/attend';
import type { AttentionGradients, AttentionResult } from '../api/attention';
import { checkVarlen, varlenShapes } from '../api/attention-varlen';
import { checkShape, checkTensor, fail } from '../api/checks';
import { FlashError } from '../api/errors';
import type { AttentionOptions } from '../api/options';
import { sizeOf } from '../tensor/layout';
import { Tensor } from '../tensor/tensor';
import { given, type OrNull, pickRun, refuse, renamed, type RunArguments } from './arguments';
import {
  AttentionBias,
  BlockDiagonalCausalFromBottomRightMask,
  BlockDiagonalCausalMask,
  BlockDiagonalMask,
  LocalAttentionFromBottomRightMask,
  LowerTriangularFromBottomRightMask,
  LowerTriangularMask,
  LowerTriangularMaskWithTensorBias,
} from './attn-bias';
import { denseAttention, TOP_LEFT } from './dense';
import { inShapes, type Operands } from './in-shapes';

interface Arguments extends RunArguments {
  /** A Tensor that is added to the scores, (B,H,M,Mk) or a shape that broadcasts to it, or one of the classes of attn-bias.ts. */
  attnBias: Tensor | AttentionBias;
  /** Probability that an entry of the softmax is dropped. Default 0. */
  p: number;
  /** Default 1/sqrt(K). */
  scale: number;
  /** Refused: which of xformers' operators computes; `algorithm` is what there is to choose here. */
  op: unknown;
  /** Only q's own dtype, which is the default. */
  outputDtype: string;
}

export type MemoryEfficientAttentionArguments = OrNull<Arguments>;

const NAMES = ['attnBias', 'p', 'scale', 'op', 'outputDtype'];
const OUR_NAMES = { bias: 'attnBias', dropout: 'p' };

/**
 * xformers.ops.memory_efficient_attention with its semantics.
 *
 * @param q (B,M,H,K); or (B,M,K), one head; or (B,M,G,H,K), G groups of H query heads
 * @param k (B,Mk,H,K), (B,Mk,K), or (B,Mk,G,H,K), where (B,Mk,G,1,K) stands for one head that its group shares, which the original
 *   wants expanded
 * @param v as k, with head size Kv
 * @returns the result of flash.attention: out (B,M,H,Kv), (B,M,Kv) or (B,M,G,H,Kv); lse (B,H,M) or (B,G,H,M); backward, with dbias
 *   for a bias that is a Tensor
 * @throws (rejects) FlashError as flash.attention does
 */
export async function memoryEfficientAttention(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  options: MemoryEfficientAttentionArguments = {},
): Promise<AttentionResult> {
  const { attnBias, p, scale, op, outputDtype, ...run } = given<Arguments>(options, NAMES);
  refuse('op', op, "expected none: xformers' operators do not exist here; `algorithm` chooses the kernels.");
  if (attnBias !== undefined && !(attnBias instanceof Tensor) && !(attnBias instanceof AttentionBias)) {
    fail('attnBias', 'a Tensor or one of the bias classes of flash.compat', attnBias);
  }
  const { heads, groups, M, Kv } = checkShapes(q, k, v);
  if (outputDtype !== undefined && outputDtype !== q.dtype) {
    refuse('outputDtype', outputDtype, `expected '${q.dtype}', that of q, in which out is always stored.`);
  }
  const shared = { ...pickRun(run), dropout: p, scale };
  const lead = q.shape[0];
  const bias = attnBias instanceof LowerTriangularMaskWithTensorBias ? attnBias.bias : attnBias;
  const tensors = { q, k, v, ...(bias instanceof Tensor ? { bias } : {}) };
  const results = [
    [lead, M, ...groups, Kv],
    [lead, ...(groups.length > 0 ? groups : [1]), M],
  ] as const;
  const blocks = attnBias instanceof BlockDiagonalMask;
  // Every block is a sequence of attentionVarlen, whose tensors have no batch axis.
  const rows = ({ shape }: Tensor): number[] => (blocks ? [shape[1]] : [shape[0], shape[1]]);
  const flat = (t: Tensor, n: number): number[] => [...rows(t), n, t.shape[t.shape.length - 1]];
  const shapes = { q: flat(q, heads.q), k: flat(k, heads.k), v: flat(v, heads.k), bias: biasIn4(bias, q) };
  if (blocks) {
    if (lead !== 1) throw new FlashError('SHAPE', `q: expected batch 1 with blocks, got (${q.shape.join(',')}).`);
    return inShapes(tensors, shapes, results, (t) => attendBlocks(t, attnBias, shared));
  }
  const call = (t: Operands): Promise<AttentionResult> =>
    denseAttention(t.q, t.k, t.v, {
      options: { ...shared, ...bandOf(attnBias), bias: t.bias, layout: 'bnhd' },
      topLeft: attnBias instanceof LowerTriangularMask,
      names: OUR_NAMES,
    });
  return q.shape.length === 4 ? call(tensors) : inShapes(tensors, shapes, results, call);
}

function bandOf(attnBias: unknown): Pick<AttentionOptions, 'causal' | 'window'> {
  if (attnBias instanceof LowerTriangularFromBottomRightMask) return { causal: true };
  if (!(attnBias instanceof LocalAttentionFromBottomRightMask)) return {};
  return { window: [attnBias.windowLeft, attnBias.windowRight] };
}

/** One call for all blocks. */
function attendBlocks(
  { q, k, v }: Operands,
  blocks: BlockDiagonalMask,
  shared: Omit<AttentionOptions, 'layout'>,
): Promise<AttentionResult> {
  const { cuSeqlensQ, cuSeqlensK } = blocks;
  const causal = blocks instanceof BlockDiagonalCausalFromBottomRightMask;
  return renamed({ ...OUR_NAMES, cuSeqlensQ: 'attnBias', cuSeqlensK: 'attnBias' }, async () => {
    const call = checkVarlen(q, k, v, { ...shared, cuSeqlensQ, cuSeqlensK, causal });
    const problem = blocks instanceof BlockDiagonalCausalMask ? { ...call.problem, band: TOP_LEFT } : call.problem;
    return attend<AttentionGradients>({ ...call, problem }, { q, k, v }, varlenShapes(problem, q, k, v));
  });
}

interface Sizes {
  /** Heads of q and of k and v, all groups together. */
  readonly heads: { readonly q: number; readonly k: number };
  /** The axes of heads as q has them: none, (H) or (G,H). */
  readonly groups: readonly number[];
  readonly M: number;
  readonly Kv: number;
}

/** What flash.attention, which knows four axes, cannot check. */
function checkShapes(q: Tensor, k: Tensor, v: Tensor): Sizes {
  for (const [name, t] of Object.entries({ q, k, v })) checkTensor(name, t, name === 'q' ? undefined : q.shape.length);
  if (q.shape.length < 3 || q.shape.length > 5) {
    const expected = '(B,M,H,K), (B,M,K) or (B,M,G,H,K)';
    throw new FlashError('SHAPE', `q: expected axes ${expected}, got (${q.shape.join(',')}).`);
  }
  const [B, M] = q.shape;
  const groups = q.shape.slice(2, -1);
  const K = q.shape[q.shape.length - 1];
  const Kv = v.shape[v.shape.length - 1];
  // One head that its group shares needs no copies of it.
  const shared = groups.length === 2 && k.shape[3] === 1;
  const own = shared ? [groups[0], 1] : groups;
  checkShape('k', k, [B, k.shape[1], ...own, K], '(batch, heads and head size of q)');
  checkShape('v', v, [B, k.shape[1], ...own, Kv], '(batch, length and heads of k)');
  return { heads: { q: sizeOf(groups), k: sizeOf(own) }, groups, M, Kv };
}

/** Four axes (B,H,M,Mk) of a bias for q of three or five; undefined where it is right as it is. */
function biasIn4(bias: unknown, q: Tensor): number[] | undefined {
  if (!(bias instanceof Tensor) || bias.shape.length !== q.shape.length) return undefined;
  const { shape } = bias;
  if (shape.length === 3) return [shape[0], 1, shape[1], shape[2]];
  return shape.length === 5 ? [shape[0], shape[1] * shape[2], shape[3], shape[4]] : undefined;
}
