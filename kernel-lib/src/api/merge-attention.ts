import { mergePlan, type MergeShape } from '../kernels/decode/merge-plan';
import { bindScope } from '../tensor/scope';
import { fromBuffer, type Tensor } from '../tensor/tensor';
import { checkNames, checkSameDtype, checkShape, checkTensor, fail, oneOf } from './checks';
import { FlashError } from './errors';
import { type AttentionInfo, onDevice } from './on-device';
import type { AttentionOptions } from './options';
import type { Layout } from './problem';
import { checkDtypes } from './validate';

/** Attention of the same queries over one of several disjoint sets of keys. */
export interface AttentionPart {
  /** (B,H,Nq,Dv), or (B,Nq,H,Dv) with layout 'bnhd', or (totalQ,H,Dv) of a varlen call. */
  readonly out: Tensor;
  /** (B,H,Nq), or (H,totalQ); -Infinity for a query without keys in this part. */
  readonly lse: Tensor;
}

export interface MergeOptions extends Pick<AttentionOptions, 'signal' | 'onProgress'> {
  /** Default: what the shapes of out and lse say, 'bhnd' where they fit both. */
  layout?: Layout;
}

/**
 * Merges attention over disjoint sets of keys into attention over all of them, exactly: with lse = ln sum exp(lse_part),
 * out = sum exp(lse_part - lse) out_part (Dao et al. 2023, "Flash-Decoding"). Parts without keys add nothing; a query without
 * keys in any part gets out 0 and lse -Infinity.
 *
 * @returns out in the parts' shape and dtype, lse f32
 * @throws (rejects) FlashError INVALID_ARGUMENT, SHAPE, DTYPE, DISPOSED
 */
export async function mergeAttention(
  parts: readonly AttentionPart[],
  options: MergeOptions = {},
): Promise<{ out: Tensor; lse: Tensor; info: AttentionInfo }> {
  checkNames(options, ['layout', 'signal', 'onProgress']);
  const shape = checkParts(parts, options);
  const inScope = bindScope();
  const both = parts.flatMap((part, n) => (['out', 'lse'] as const).map((name) => ({ name, n, tensor: part[name] })));
  const tensors = Object.fromEntries(both.map(({ name, n, tensor }) => [`${name}${n}`, tensor]));
  const names = Object.fromEntries(both.map(({ name, n }) => [`${name}${n}`, `parts[${n}].${name}`]));
  const { device, outputs, info } = await onDevice(tensors, () => mergePlan(shape), { ...options, names });
  return inScope(() => ({
    out: fromBuffer(device, outputs.out, parts[0].out.shape, shape.dtype),
    lse: fromBuffer(device, outputs.lse, parts[0].lse.shape),
    info,
  }));
}

function checkParts(parts: unknown, options: MergeOptions): MergeShape {
  if (!Array.isArray(parts) || parts.length === 0) fail('parts', 'a list of { out, lse }', parts);
  parts.forEach((part: unknown, n) => {
    if (typeof part !== 'object' || part === null) fail(`parts[${n}]`, '{ out, lse }', part);
  });
  const [{ out, lse }] = parts as AttentionPart[];
  for (const [n, part] of (parts as AttentionPart[]).entries()) {
    checkTensor(`parts[${n}].out`, part.out);
    checkTensor(`parts[${n}].lse`, part.lse);
    checkShape(`parts[${n}].out`, part.out, out.shape, '(that of the first part)');
    checkShape(`parts[${n}].lse`, part.lse, lse.shape, '(that of the first part)');
    checkSameDtype(`parts[${n}].out`, part.out, out.dtype, 'the first part');
    checkSameDtype(`parts[${n}].lse`, part.lse, 'f32', 'every lse');
  }
  const dtype = checkDtypes({ 'parts[0].out': out });
  return { ...checkLayout(out, lse, options.layout), dtype, parts: parts.length };
}

/** Sizes of out by lse. A varlen call's are those of one batch. */
function checkLayout(
  out: Tensor,
  lse: Tensor,
  wanted: Layout | undefined,
): Pick<MergeShape, 'B' | 'H' | 'Nq' | 'Dv' | 'layout'> {
  const varlen = out.shape.length === 3;
  const [B, H, Nq] = varlen ? [1, ...lse.shape] : lse.shape;
  const Dv = out.shape[out.shape.length - 1];
  const shapes: Record<Layout, number[]> = {
    bhnd: [B, H, Nq, Dv],
    bnhd: varlen ? [Nq, H, Dv] : [B, Nq, H, Dv],
  };
  const fits = (layout: Layout): boolean =>
    lse.shape.length === out.shape.length - 1 && shapes[layout].join() === out.shape.join();
  const layout = oneOf('layout', ['bhnd', 'bnhd'], wanted, fits('bhnd') ? 'bhnd' : 'bnhd');
  if (!fits(layout)) {
    throw new FlashError(
      'SHAPE',
      `parts: expected out (B,H,Nq,Dv) or (B,Nq,H,Dv) and lse (B,H,Nq), or out (totalQ,H,Dv) and lse (H,totalQ), got ` +
        `(${out.shape.join(',')}) and (${lse.shape.join(',')}).`,
    );
  }
  return { B, H, Nq, Dv, layout };
}
