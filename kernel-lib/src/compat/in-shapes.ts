import { checkBackward } from '../api/attend';
import type { AttentionGradients, AttentionResult } from '../api/attention';
import { bindScope, owning } from '../tensor/scope';
import type { Tensor } from '../tensor/tensor';

/** Tensors of a call, bias and mask where there are any. */
export type Operands = Readonly<Record<'q' | 'k' | 'v', Tensor>> & { readonly bias?: Tensor; readonly mask?: Tensor };
type Shapes = Readonly<Record<keyof Operands, readonly number[] | undefined>>;

/**
 * Runs a call on tensors of other shapes over the same memory, and gives its result the shapes that the caller knows.
 * @param shapes that `call` wants; undefined where a tensor is right as it is
 * @param outShape, lseShape that the caller expects
 */
export async function inShapes(
  tensors: Operands,
  shapes: Partial<Shapes>,
  [outShape, lseShape]: readonly [readonly number[], readonly number[]],
  call: (tensors: Operands) => Promise<AttentionResult>,
): Promise<AttentionResult> {
  const inScope = bindScope();
  const views: Tensor[] = [];
  const view = ([name, t]: [string, Tensor | undefined]): [string, Tensor | undefined] => {
    const shape = shapes[name as keyof Shapes];
    if (!t || !shape) return [name, t];
    views.push(t.reshape(shape));
    return [name, views[views.length - 1]];
  };
  try {
    const result = await call(Object.fromEntries(Object.entries(tensors).map(view)) as unknown as Operands);
    return inScope(() => reshaped(result, tensors, views, [outShape, lseShape]));
  } catch (error) {
    views.forEach((t) => t.dispose());
    throw error;
  }
}

function reshaped(
  result: AttentionResult,
  tensors: Operands,
  views: readonly Tensor[],
  [outShape, lseShape]: readonly [readonly number[], readonly number[]],
): AttentionResult {
  const out = result.out.reshape(outShape);
  const lse = result.lse.reshape(lseShape);
  const reshapedResult: AttentionResult = {
    out,
    lse,
    info: result.info,
    seed: result.seed,
    backward: async (dout, options = {}) => {
      checkBackward(dout, out, options);
      const inScope = bindScope();
      const own = dout.reshape(result.out.shape);
      try {
        const made = await result.backward(own, options);
        return inScope(() => likeInputs(made, tensors));
      } finally {
        own.dispose();
      }
    },
    dispose: () => [result, out, lse, ...views].forEach((part) => part.dispose()),
  };
  // Kept with the result: what its backward works on.
  return owning(reshapedResult, [result, ...views]);
}

/** Each gradient in the shape of what it is the gradient of. */
function likeInputs({ info, ...gradients }: AttentionGradients, tensors: Operands): AttentionGradients {
  const shaped = Object.entries(gradients).map(([name, t]: [string, Tensor]) => {
    const like = t.reshape(tensors[name.slice(1) as keyof Operands]!.shape);
    t.dispose();
    return [name, like];
  });
  return { ...(Object.fromEntries(shaped) as Omit<AttentionGradients, 'info'>), info };
}
