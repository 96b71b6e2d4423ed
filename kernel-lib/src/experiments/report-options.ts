import { describe } from '../api/describe';
import { FlashError } from '../api/errors';
import { checkTensor } from '../api/checks';
import type { AttentionOptions } from '../api/options';
import { checkDtypes, MAX_HEAD_SIZE } from '../api/validate';
import type { FloatDType, Tensor } from '../tensor/tensor';

/**
 * What `%%flash.attention` takes: the sizes of a problem and every option of `flash.attention`. With inputs of your own the
 * sizes come from them; a size that is named as well must then agree.
 */
export interface AttentionReportOptions extends AttentionOptions {
  /** B, the number of sequences computed at once. Default 1. */
  batch?: number;
  /** H, the number of query heads. Default 4. */
  heads?: number;
  /** Hk, the number of key/value heads; `heads` must be a multiple of it (grouped-query attention). Default `heads`. */
  kvHeads?: number;
  /** Nq, the number of queries of a sequence; the figure's sweep of lengths ends here. Default 256. */
  seq?: number;
  /** Nk, the number of keys of a sequence. Default `seq`. */
  seqK?: number;
  /** D, the head size of queries and keys, up to 256. Default 64. */
  dim?: number;
  /** Dv, the head size of values and outputs, up to 256. Default `dim`. */
  dimV?: number;
  /** Storage type of the random inputs: 'f32' or 'f16'. Default 'f32'. */
  dtype?: FloatDType;
  /**
   * Seed of the random inputs, of dout and, where there is dropout, of its mask: a whole number 0 .. 2^32-1. The same seed gives
   * the same numbers. Default 0.
   */
  seed?: number;
}

/** Inputs in place of random ones: q (B,H,Nq,D), k (B,Hk,Nk,D), v (B,Hk,Nk,Dv), or as `layout` says. They stay the caller's. */
export interface AttentionInputs {
  q: Tensor;
  k: Tensor;
  v: Tensor;
}

export type Sizes = Record<Size, number>;

/** The tensors over the scores. */
export type ScoreOperands = Pick<AttentionOptions, 'bias' | 'mask'>;

/** Options and inputs of a report, checked as far as they are the report's own. */
export interface ReportPlan {
  readonly sizes: Sizes;
  readonly dtype: FloatDType;
  readonly seed: number;
  readonly inputs: AttentionInputs | undefined;
  /** Bias and mask of the full length, if any. */
  readonly operands: ScoreOperands;
  /** What else goes on to `flash.attention`, which checks it. */
  readonly options: Omit<AttentionOptions, 'signal' | 'onProgress' | keyof ScoreOperands>;
}

const SIZES = ['batch', 'heads', 'kvHeads', 'seq', 'seqK', 'dim', 'dimV'] as const;
type Size = (typeof SIZES)[number];

/**
 * Checks sizes, dtype, seed and inputs, and fills in the defaults. Throws a FlashError (INVALID_ARGUMENT, or SHAPE for a
 * tensor of the wrong rank) that names the argument, what was expected and what came.
 */
export function planReport(given: AttentionReportOptions = {}, inputs?: AttentionInputs): ReportPlan {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) throw invalid('options', 'an object', given);
  const { batch, heads, kvHeads, seq, seqK, dim, dimV, dtype: wanted, seed = 0, ...rest } = given;
  const { signal: _signal, onProgress: _onProgress, bias, mask, ...options } = rest;
  if (wanted !== undefined && wanted !== 'f32' && wanted !== 'f16') throw invalid('dtype', "'f32' or 'f16'", wanted);
  if (!Number.isInteger(seed) || seed < 0 || seed >= 2 ** 32) throw invalid('seed', 'a whole number 0 .. 2^32-1', seed);
  const named = { batch, heads, kvHeads, seq, seqK, dim, dimV };
  for (const size of SIZES) checkSize(size, named[size]);
  const sizes = inputs ? sizesOf(inputs, options.layout, named) : withDefaults(named);
  const dtype = inputs ? checkDtypes({ q: inputs.q, k: inputs.k, v: inputs.v }) : (wanted ?? 'f32');
  if (wanted !== undefined && wanted !== dtype) {
    throw invalid('dtype', `'${dtype}', as the given tensors have it, or nothing`, wanted);
  }
  if (sizes.heads % sizes.kvHeads !== 0) {
    throw invalid('kvHeads', `a divisor of heads (${sizes.heads})`, sizes.kvHeads);
  }
  const largest = sizes.batch * sizes.heads * Math.max(sizes.seq, sizes.seqK) * Math.max(sizes.dim, sizes.dimV);
  if (largest > 2 ** 30) {
    throw invalid('seq', 'sizes whose tensors hold at most 2^30 numbers', `${largest} (batch * heads * seq * dim)`);
  }
  return { sizes, dtype, seed, inputs, operands: { bias, mask }, options: { ...options, seed } };
}

function checkSize(name: Size, value: number | undefined): void {
  if (value === undefined) return;
  if (!Number.isInteger(value) || value < 1) throw invalid(name, 'a whole number of at least 1', value);
  if ((name === 'dim' || name === 'dimV') && value > MAX_HEAD_SIZE) {
    throw invalid(name, `at most ${MAX_HEAD_SIZE}`, value);
  }
}

function withDefaults(named: Partial<Sizes>): Sizes {
  const { batch = 1, heads = 4, kvHeads = heads, seq = 256, seqK = seq, dim = 64, dimV = dim } = named;
  return { batch, heads, kvHeads, seq, seqK, dim, dimV };
}

/** The sizes of given tensors, compared with those that were named; `flash.attention` compares them with each other. */
function sizesOf(inputs: AttentionInputs, layout: AttentionOptions['layout'], named: Partial<Sizes>): Sizes {
  const { q, k, v } = inputs;
  for (const [name, tensor] of Object.entries({ q, k, v })) checkTensor(name, tensor, 4);
  const [head, row] = layout === 'bnhd' ? [2, 1] : [1, 2];
  const sizes: Sizes = {
    batch: q.shape[0],
    heads: q.shape[head],
    kvHeads: k.shape[head],
    seq: q.shape[row],
    seqK: k.shape[row],
    dim: q.shape[3],
    dimV: v.shape[3],
  };
  for (const size of SIZES) {
    const wanted = named[size];
    if (wanted !== undefined && wanted !== sizes[size]) {
      throw invalid(size, `${sizes[size]}, as the given tensors have it, or nothing`, wanted);
    }
  }
  return sizes;
}

export function invalid(argument: string, expected: string, given: unknown): FlashError {
  return new FlashError(
    'INVALID_ARGUMENT',
    `attentionReport: ${argument}: expected ${expected}, got ${describe(given)}.`,
  );
}
