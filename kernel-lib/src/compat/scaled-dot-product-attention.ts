import type { AttentionResult } from '../api/attention';
import { checkBoolean, checkShape, checkTensor } from '../api/checks';
import { FlashError } from '../api/errors';
import { sizeOf } from '../tensor/layout';
import type { Tensor } from '../tensor/tensor';
import { given, type OrNull, pickRun, type RunArguments } from './arguments';
import { denseAttention } from './dense';
import { inShapes, type Operands } from './in-shapes';

interface Arguments extends RunArguments {
  /**
   * Broadcastable to the scores (…,H,Nq,Nk). bool: true takes part in attention (torch.nn.MultiheadAttention's key_padding_mask
   * means the opposite). f32 or q's dtype: added to the scores. Not together with isCausal.
   */
  attnMask: Tensor;
  /** Probability that an entry of p is dropped, always, as in PyTorch: give 0 when not training. Default 0. */
  dropoutP: number;
  /** Query i sees keys 0 .. i only, whatever the two lengths: aligned to the top left, unlike `causal` of flash.attention. */
  isCausal: boolean;
  /** Default 1/sqrt(D). */
  scale: number;
  /** Whether k and v may have fewer heads than q, as if each were repeated (repeat_interleave). Default false. */
  enableGqa: boolean;
}

export type ScaledDotProductAttentionArguments = OrNull<Arguments>;

const NAMES = ['attnMask', 'dropoutP', 'isCausal', 'scale', 'enableGqa'];
const OUR_NAMES = { bias: 'attnMask', mask: 'attnMask', dropout: 'dropoutP' };

/**
 * torch.nn.functional.scaled_dot_product_attention (PyTorch 2.x) with its semantics.
 *
 * @param q (B,…,H,Nq,D): any number of batch axes, also none
 * @param k (B,…,H,Nk,D), or with enableGqa a number of heads that divides H
 * @param v (B,…,H,Nk,Dv)
 * @returns the result of flash.attention: out (B,…,H,Nq,Dv), lse (B,…,H,Nq), backward. A row that the mask empties is 0. With an
 *   attnMask that is added, backward gives its gradient as dbias.
 * @throws (rejects) FlashError as flash.attention does; INVALID_ARGUMENT for attnMask together with isCausal; UNSUPPORTED for a mask
 *   that broadcasts along some of several batch axes
 */
export async function scaledDotProductAttention(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  options: ScaledDotProductAttentionArguments = {},
): Promise<AttentionResult> {
  const { attnMask, dropoutP, isCausal, scale, enableGqa, ...run } = given<Arguments>(options, NAMES);
  const topLeft = checkBoolean('isCausal', isCausal);
  if (attnMask && topLeft) {
    throw new FlashError('INVALID_ARGUMENT', 'attnMask: expected none together with isCausal, got both.');
  }
  const { lead, H, Nq, Dv } = checkShapes(q, k, v, checkBoolean('enableGqa', enableGqa));
  const operand = attnMask && (checkMask(attnMask, q), attnMask.dtype === 'bool' ? 'mask' : 'bias');
  const call = ({ q, k, v, bias, mask }: Operands): Promise<AttentionResult> => {
    const own = { ...pickRun(run), bias, mask, dropout: dropoutP, scale };
    return denseAttention(q, k, v, { options: own, topLeft, names: OUR_NAMES });
  };
  const tensors = { q, k, v, ...(operand ? { [operand]: attnMask } : {}) };
  if (q.shape.length === 4) return call(tensors);
  const B = sizeOf(lead);
  const in4 = ({ shape }: Tensor): number[] => [B, shape.length > 2 ? shape[shape.length - 3] : 1, ...shape.slice(-2)];
  const shapes = { q: in4(q), k: in4(k), v: in4(v), ...(operand ? { [operand]: maskIn4(attnMask!, lead) } : {}) };
  const heads = q.shape.length > 2 ? [H] : [];
  return inShapes(
    tensors,
    shapes,
    [
      [...lead, ...heads, Nq, Dv],
      [...lead, ...heads, Nq],
    ],
    call,
  );
}

/** What flash.attention, which knows four axes, cannot check. */
function checkShapes(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  grouped: boolean,
): { lead: readonly number[]; H: number; Nq: number; Dv: number } {
  for (const [name, t] of Object.entries({ q, k, v })) {
    checkTensor(name, t, name === 'q' ? undefined : q.shape.length);
    if (t.shape.length < 2) {
      throw new FlashError('SHAPE', `${name}: expected axes (…,H,N,D), at least two, got (${t.shape.join(',')}).`);
    }
  }
  const lead = q.shape.slice(0, -3);
  const [H, Nq, D] = [q.shape.length > 2 ? q.shape[q.shape.length - 3] : 1, ...q.shape.slice(-2)];
  const heads = k.shape.slice(lead.length, -2);
  const Nk = k.shape[k.shape.length - 2];
  const Dv = v.shape[v.shape.length - 1];
  if (!grouped && heads.length > 0 && heads[0] !== H) {
    throw new FlashError('SHAPE', `k: expected ${H} heads, as many as q (see enableGqa), got ${heads[0]}.`);
  }
  checkShape('k', k, [...lead, ...heads, Nk, D], '(batch axes and head size of q)');
  checkShape('v', v, [...lead, ...heads, Nk, Dv], '(batch axes, heads and length of k)');
  return { lead, H, Nq, Dv };
}

function checkMask(attnMask: unknown, q: Tensor): asserts attnMask is Tensor {
  checkTensor('attnMask', attnMask);
  const { dtype, shape } = attnMask;
  if (dtype === 'i8') {
    throw new FlashError(
      'DTYPE',
      `attnMask: expected dtype 'bool' (true takes part), or 'f32' or '${q.dtype}' (added to the scores), got '${dtype}'.`,
    );
  }
  if (shape.length > q.shape.length) {
    throw new FlashError(
      'SHAPE',
      `attnMask: expected at most ${q.shape.length} axes, those of q, got (${shape.join(',')}).`,
    );
  }
}

/** Four axes of a mask, the batch axes as one; undefined where it has no batch axes. */
function maskIn4({ shape }: Tensor, lead: readonly number[]): number[] | undefined {
  const own = shape.slice(0, -3);
  if (own.length === 0) return undefined;
  const batch = sizeOf(own);
  if (batch === 1 || own.every((n, axis) => own.length === lead.length && n === lead[axis])) {
    return [batch, ...shape.slice(-3)];
  }
  throw new FlashError(
    'UNSUPPORTED',
    `attnMask: expected batch axes (${lead.join(',')}) or all of them 1, got (${shape.join(',')}); expand the mask to all of them.`,
  );
}
