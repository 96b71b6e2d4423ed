import { checkSameDtype, checkShape, checkTensor } from '../api/checks';
import { FlashError } from '../api/errors';
import { sizeOf } from '../tensor/layout';
import { uniforms } from '../tensor/random';
import { type Tensor, tensor } from '../tensor/tensor';

/** Tensors by parameter name: 'qProj.weight', 'qProj.bias', and so on for kProj, vProj and outProj. */
export type LayerParameters = Readonly<Record<string, Tensor>>;

export interface LayerSizes {
  readonly hiddenSize: number;
  readonly numHeads: number;
  readonly kvHeads: number;
  readonly bias: boolean;
}

/** The projections and what model files call them, too. */
const PROJECTIONS = {
  qProj: ['qProj', 'q_proj'],
  kProj: ['kProj', 'k_proj'],
  vProj: ['vProj', 'v_proj'],
  outProj: ['outProj', 'out_proj', 'o_proj'],
} as const;

export type ProjectionName = keyof typeof PROJECTIONS;
export const PROJECTION_NAMES = Object.keys(PROJECTIONS) as ProjectionName[];

/** Numbers that a projection makes of hiddenSize numbers. */
export function outFeatures({ hiddenSize, numHeads, kvHeads }: LayerSizes, name: ProjectionName): number {
  return name === 'kProj' || name === 'vProj' ? (hiddenSize / numHeads) * kvHeads : hiddenSize;
}

/** Shapes of all parameters. Weights are (out,in), as in torch.nn.Linear. */
export function parameterShapes(sizes: LayerSizes): Record<string, number[]> {
  const shapes: Record<string, number[]> = {};
  for (const name of PROJECTION_NAMES) {
    const out = outFeatures(sizes, name);
    shapes[`${name}.weight`] = [out, sizes.hiddenSize];
    if (sizes.bias) shapes[`${name}.bias`] = [out];
  }
  return shapes;
}

/**
 * What torch.nn.MultiheadAttention with separate projections begins with: weights of q, k and v by Glorot and Bengio 2010 (uniform,
 * variance 2 / (in + out)), those of out uniform within 1 / sqrt(in), biases 0. The same seed gives the same numbers.
 */
export function initialParameters(sizes: LayerSizes, seed: number): Record<string, Tensor> {
  const shapes = parameterShapes(sizes);
  const weights = Object.entries(shapes).filter(([name]) => name.endsWith('.weight'));
  const numbers = uniforms(
    seed,
    weights.reduce((sum, [, shape]) => sum + sizeOf(shape), 0),
  );
  let used = 0;
  return Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => {
      const data = new Float32Array(sizeOf(shape));
      if (name.endsWith('.weight')) {
        const [out, into] = shape;
        const most = name === 'outProj.weight' ? 1 / Math.sqrt(into) : Math.sqrt(6 / (into + out));
        data.forEach((_, n) => (data[n] = most * (2 * numbers[used + n] - 1)));
        used += data.length;
      }
      return [name, tensor(data, shape)];
    }),
  );
}

/**
 * The layer's parameters out of a record, such as that of flash.load: each by our name or that of a model file. Other entries may
 * belong to other layers; a bias that this layer does not have may not be there.
 */
export function findParameters(given: LayerParameters, prefix: string, sizes: LayerSizes): Record<string, Tensor> {
  const shapes = parameterShapes(sizes);
  const found: Record<string, Tensor> = {};
  for (const projection of PROJECTION_NAMES) {
    for (const part of ['weight', 'bias'] as const) {
      const names = PROJECTIONS[projection].map((name) => `${prefix}${name}.${part}`);
      const name = names.find((one) => Object.hasOwn(given, one));
      const shape = shapes[`${projection}.${part}`];
      if (!shape && name) {
        throw new FlashError('INVALID_ARGUMENT', `${name}: expected no bias in a layer with bias: false, got one.`);
      }
      if (!shape) continue;
      if (!name) throw new FlashError('INVALID_ARGUMENT', `weights: expected one of ${names.join(', ')}, got none.`);
      checkTensor(name, given[name]);
      checkShape(name, given[name], shape, `(of a layer with hiddenSize ${sizes.hiddenSize})`);
      checkSameDtype(name, given[name], 'f32', 'the layer');
      found[`${projection}.${part}`] = given[name];
    }
  }
  return found;
}

/** Further tensors over the same memory, which stays as long as any of them lives. */
export const shared = (parameters: LayerParameters): Record<string, Tensor> =>
  Object.fromEntries(Object.entries(parameters).map(([name, t]) => [name, t.reshape(t.shape)]));
