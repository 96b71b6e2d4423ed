import type { Tensor } from '../tensor/tensor';
import { attend, type Attended, type AttendShapes } from './attend';
import type { AttentionGradients } from './attention';
import { checkNames, checkShape, checkTensor, fail } from './checks';
import { FlashError } from './errors';
import type { AttentionOptions } from './options';
import type { Problem, Sequences } from './problem';
import { type CheckedCall, checkCall, checkDtypes, OPTION_NAMES } from './validate';

/** Options of {@link attentionVarlen}; b is the sequence, i and j count within it. */
export interface VarlenOptions extends Omit<AttentionOptions, 'layout'> {
  /** Where each sequence's queries begin: B + 1 whole numbers from 0 to totalQ, never falling. */
  cuSeqlensQ: readonly number[] | Int32Array;
  /** The same for its keys, up to totalK. */
  cuSeqlensK: readonly number[] | Int32Array;
}

export interface VarlenResult extends Attended<AttentionGradients> {
  /** (totalQ,H,Dv); 0 for a query with nothing to attend to. */
  readonly out: Tensor;
  /** (H,totalQ); -Infinity for a query with nothing to attend to. */
  readonly lse: Tensor;
}

/**
 * Attention over sequences of different lengths, one behind the other in each tensor, without padding. Every sequence attends to
 * itself only; it may be empty. The number of kernel launches does not depend on how many there are.
 *
 * @param q (totalQ,H,D), f32 or f16
 * @param k (totalK,Hk,D)
 * @param v (totalK,Hk,Dv)
 * @param options bias and mask broadcast to (B,H,maxQ,maxK), of which each sequence uses the top left part; maxQ and maxK are the
 *   longest lengths
 * @returns out (totalQ,H,Dv), lse (H,totalQ), and backward as that of attention
 * @throws (rejects) FlashError as attention does
 */
export async function attentionVarlen(q: Tensor, k: Tensor, v: Tensor, options: VarlenOptions): Promise<VarlenResult> {
  const call = checkVarlen(q, k, v, options);
  const { bias, mask } = options;
  return attend<AttentionGradients>(call, { q, k, v, bias, mask }, varlenShapes(call.problem, q, k, v, bias));
}

export function varlenShapes({ H, Dv }: Problem, q: Tensor, k: Tensor, v: Tensor, bias?: Tensor): AttendShapes {
  const [totalQ] = q.shape;
  return {
    out: [totalQ, H, Dv],
    lse: [H, totalQ],
    gradients: { dq: q.shape, dk: k.shape, dv: v.shape, ...(bias ? { dbias: bias.shape } : {}) },
  };
}

export function checkVarlen(q: Tensor, k: Tensor, v: Tensor, options: VarlenOptions): CheckedCall {
  checkNames(options, [...OPTION_NAMES, 'cuSeqlensQ', 'cuSeqlensK']);
  checkTensor('q', q, 3);
  checkTensor('k', k, 3);
  checkTensor('v', v, 3);
  const dtype = checkDtypes({ q, k, v });
  const [totalQ, H, D] = q.shape;
  const [totalK, Hk] = k.shape;
  const Dv = v.shape[2];
  checkShape('k', k, [totalK, Hk, D], `(head size ${D} of q)`);
  checkShape('v', v, [totalK, Hk, Dv], '(length and heads of k)');
  for (const [name, t] of Object.entries({ q, k, v })) checkHeadAxes(name, t);
  const { sequences, B, Nq, Nk } = checkSequences(options, { q: totalQ, k: totalK });
  return checkCall(options, {
    ...{ B, H, Hk, Nq, Nk, D, Dv },
    ...{ layout: 'bnhd', dtype, packing: 'none', sequences },
  });
}

/** Where the sequences begin, how many there are, and the longest lengths. */
export interface CheckedSequences {
  readonly sequences: Sequences;
  readonly B: number;
  readonly Nq: number;
  readonly Nk: number;
}

/** @param rows how many rows the tensors have that the offsets are about, by their names, where that is known */
export function checkSequences(
  options: { cuSeqlensQ?: unknown; cuSeqlensK?: unknown },
  rows: { q?: number; k?: number; kv?: number } = {},
): CheckedSequences {
  const cuSeqlensQ = checkOffsets('cuSeqlensQ', options.cuSeqlensQ, rows.q, 'q');
  const cuSeqlensK = checkOffsets(
    'cuSeqlensK',
    options.cuSeqlensK,
    rows.k ?? rows.kv,
    rows.kv === undefined ? 'k' : 'kv',
  );
  const B = cuSeqlensQ.length - 1;
  if (cuSeqlensK.length !== B + 1) {
    throw new FlashError(
      'SHAPE',
      `cuSeqlensK: expected ${B + 1} offsets, as many as cuSeqlensQ, got ${cuSeqlensK.length}.`,
    );
  }
  return { sequences: { cuSeqlensQ, cuSeqlensK }, B, Nq: longest(cuSeqlensQ), Nk: longest(cuSeqlensK) };
}

/** Rows may be none, but their last two axes, heads and head size, are not. */
export function checkHeadAxes(name: string, { shape }: Tensor): void {
  if (shape.slice(-2).some((n) => n < 1)) {
    throw new FlashError('SHAPE', `${name}: expected at least one head of size 1, got (${shape.join(',')}).`);
  }
}

/** @param total the rows of tensor `of`, where they are what the offsets are about */
export function checkOffsets(name: string, given: unknown, total?: number, of?: string): Int32Array {
  if (!(Array.isArray(given) || given instanceof Int32Array) || given.length < 2) {
    fail(name, 'B + 1 offsets, number[] or Int32Array', given);
  }
  const offsets = Array.from<number>(given);
  const odd = offsets.findIndex((n, b) => !Number.isInteger(n) || n < (b === 0 ? 0 : offsets[b - 1]));
  if (odd >= 0) fail(`${name}[${odd}]`, 'whole numbers that never fall, from 0 on', offsets[odd]);
  const last = offsets[offsets.length - 1];
  if (offsets[0] !== 0 || (total !== undefined && last !== total)) {
    fail(name, total === undefined ? 'offsets from 0 on' : `offsets from 0 to ${total}, the rows of ${of}`, given);
  }
  return Int32Array.from(offsets);
}

export const longest = (offsets: Int32Array): number =>
  offsets.reduce((most, end, b) => Math.max(most, b === 0 ? 0 : end - offsets[b - 1]), 0);
