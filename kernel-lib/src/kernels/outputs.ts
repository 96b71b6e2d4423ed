import type { Problem } from '../api/problem';
import { BYTES } from '../tensor/dtype';
import { sizeOf } from '../tensor/layout';
import { sharesWords } from '../wgsl/staging';
import type { Operands } from './operands';

/** Rows of queries and of keys, over all batches and heads. */
function rowCounts({ B, H, Hk, Nq, Nk, sequences }: Problem): { queries: number; keys: number } {
  return sequences
    ? { queries: H * sequences.cuSeqlensQ[B], keys: Hk * sequences.cuSeqlensK[B] }
    : { queries: B * H * Nq, keys: B * Hk * Nk };
}

/** Bytes of what a forward pass gives. */
export function resultBytes(p: Problem): { out: number; lse: number } {
  const { queries } = rowCounts(p);
  return { out: BYTES[p.dtype] * queries * p.Dv, lse: 4 * queries };
}

/** Of these, what the kernels of flash2, of decoding and of naive write whole; to words that rows share they add bits: see storeFunction. */
export const writtenResults = ({ dtype, Dv }: Problem): string[] => ['lse', ...(sharesWords(Dv, dtype) ? [] : ['out'])];

/** Bytes of what a backward pass gives; dq, dk and dv are as packed as q, k and v. */
export function gradientBytes(p: Problem): Record<string, number> {
  const { queries, keys } = rowCounts(p);
  const sizes = { dq: queries * p.D, dk: keys * p.D, dv: keys * p.Dv };
  const bytes: Record<string, number> = {};
  for (const name of ['dq', 'dk', 'dv'] as const) {
    const buffer = gradientBuffer(p, name);
    bytes[buffer] = (bytes[buffer] ?? 0) + BYTES[p.dtype] * sizes[name];
  }
  return p.bias ? { ...bytes, dbias: BYTES[p.bias.dtype] * sizeOf(p.bias.shape) } : bytes;
}

/** Of these, the same; dbias is a sum. */
export const writtenGradients = (p: Problem): string[] =>
  sharesWords(p.D, p.dtype) || sharesWords(p.Dv, p.dtype)
    ? []
    : (['dq', 'dk', 'dv'] as const).map((name) => gradientBuffer(p, name));

/** Name of the buffer that a gradient is part of. */
export function gradientBuffer({ packing }: Problem, name: 'dq' | 'dk' | 'dv'): string {
  if (packing === 'qkv') return 'dqkv';
  return packing === 'kv' && name !== 'dq' ? 'dkv' : name;
}

/** Of dk and dv, those that a kernel which writes them binds: one where both are parts of a tensor, which may be bound for writing only once. */
export const boundKeyGradients = ({ packing }: Problem, writes: readonly ('dk' | 'dv')[]): readonly ('dk' | 'dv')[] =>
  packing === 'none' ? writes : writes.slice(0, 1);

export const bindKeyGradients = (
  p: Problem,
  operands: Operands,
  buffers: Readonly<Record<string, GPUBuffer>>,
  writes: readonly ('dk' | 'dv')[],
): GPUBufferBinding[] =>
  boundKeyGradients(p, writes).map((name) =>
    operands.bind(name === 'dk' ? 'k' : 'v', buffers[gradientBuffer(p, name)]),
  );
