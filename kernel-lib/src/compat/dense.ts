import { attend } from '../api/attend';
import { type AttentionGradients, type AttentionResult, denseShapes } from '../api/attention';
import type { AttentionOptions } from '../api/options';
import type { Band } from '../api/problem';
import { checkAttention } from '../api/validate';
import type { Tensor } from '../tensor/tensor';
import { renamed } from './arguments';

/** What a call of another library comes to. */
export interface DenseCall {
  readonly options: AttentionOptions;
  /** Query i sees keys 0 .. i, whatever the lengths. */
  readonly topLeft?: boolean;
  /** The original's names of our options, for errors. */
  readonly names: Readonly<Record<string, string>>;
}

/** Causal from the top left, which no option of attention says. */
export const TOP_LEFT: Band = { left: Infinity, right: 0, topLeft: true };

/** flash.attention under the names of another library. */
export function denseAttention(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  { options, topLeft = false, names }: DenseCall,
): Promise<AttentionResult> {
  return renamed(names, async () => {
    const call = checkAttention(q, k, v, options);
    const problem = topLeft ? { ...call.problem, band: TOP_LEFT } : call.problem;
    const { bias, mask } = options;
    const tensors = { q, k, v, bias, mask };
    return attend<AttentionGradients>({ ...call, problem }, tensors, denseShapes(problem, q, k, v, bias));
  });
}
