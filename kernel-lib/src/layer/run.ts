import { attend, type Attended, checkBackward, type BackwardOptions } from '../api/attend';
import type { AttentionGradients } from '../api/attention';
import { checkNames, checkSameDtype, checkShape, checkTensor } from '../api/checks';
import { type AttentionInfo, onDevice } from '../api/on-device';
import type { AttentionOptions } from '../api/options';
import { checkCall } from '../api/validate';
import { linearBackward, linearForward, type Projection } from '../kernels/linear/plan';
import { bindScope, owning } from '../tensor/scope';
import { fromBuffer, type Tensor } from '../tensor/tensor';
import { type LayerSizes, outFeatures, type LayerParameters, type ProjectionName, shared } from './parameters';
import { infoOfStages, progressOfStages } from './stages';

/** Names of the options of `forward`. */
export const FORWARD_NAMES = ['mask', 'causal', 'algorithm', 'seed', 'signal', 'onProgress'];

export interface LayerForwardOptions extends Pick<
  AttentionOptions,
  'causal' | 'algorithm' | 'seed' | 'signal' | 'onProgress'
> {
  /**
   * (B,N): 0 where a token is padding, which none attends to, as attention_mask of model libraries (key_padding_mask of
   * torch.nn.MultiheadAttention means the opposite). With more axes: broadcastable to (B,H,N,N), 0 forbids a pair. Any dtype.
   */
  mask?: Tensor;
}

export interface LayerGradients {
  /** Gradient of x, in its shape. */
  readonly dx: Tensor;
  /** Gradients by parameter name, in the shapes of the parameters. */
  readonly grads: LayerParameters;
  readonly info: AttentionInfo;
}

export interface LayerResult {
  /** (B,N,hiddenSize) */
  readonly out: Tensor;
  /** The tiles are those of the attention. */
  readonly info: AttentionInfo;
  /** The seed of dropout, given or drawn; undefined where nothing was dropped. */
  readonly seed: number | undefined;
  /**
   * Gradients of x and of all parameters, as they were in the forward pass, for the gradient `dout` of out. May be called again; the
   * gradients are the caller's.
   * @throws FlashError as backward of flash.attention does
   */
  backward(dout: Tensor, options?: BackwardOptions): Promise<LayerGradients>;
  /** Frees out and what was kept for backward, never x, mask or the parameters. */
  dispose(): void;
}

/** A layer as it is when a forward pass begins. */
export interface LayerState {
  readonly sizes: LayerSizes;
  readonly parameters: LayerParameters;
  readonly dropout: number;
}

/** Names of the projections' inputs and outputs. */
const INPUTS: Readonly<Record<ProjectionName, string>> = { qProj: 'x', kProj: 'x', vProj: 'x', outProj: 'attended' };
const OUTPUTS: Readonly<Record<ProjectionName, string>> = { qProj: 'q', kProj: 'k', vProj: 'v', outProj: 'out' };
const QKV = ['qProj', 'kProj', 'vProj'] as const;

const projections = (sizes: LayerSizes, names: readonly ProjectionName[]): Projection[] =>
  names.map((name) => ({
    ...{ input: INPUTS[name], output: OUTPUTS[name], weight: `${name}.weight` },
    ...(sizes.bias ? { bias: `${name}.bias` } : {}),
    ...{ K: sizes.hiddenSize, N: outFeatures(sizes, name) },
  }));

/** The parameters of some projections. */
const ofProjections = (parameters: LayerParameters, names: readonly ProjectionName[]): Record<string, Tensor> =>
  Object.fromEntries(Object.entries(parameters).filter(([name]) => names.some((one) => name.startsWith(`${one}.`))));

/** x through the projections, the attention and the last projection. */
export async function layerForward(
  x: Tensor,
  options: LayerForwardOptions,
  { sizes, parameters: given, dropout }: LayerState,
): Promise<LayerResult> {
  const { hiddenSize, numHeads: H, kvHeads: Hk } = sizes;
  checkNames(options, FORWARD_NAMES);
  checkTensor('x', x, 3);
  const [B, N] = x.shape;
  checkShape('x', x, [Math.max(1, B), Math.max(1, N), hiddenSize], '(batch, length, hiddenSize)');
  checkSameDtype('x', x, 'f32', 'the layer');
  const D = hiddenSize / H;
  const { signal, onProgress } = options;
  // The layer may be given other parameters before the backward pass.
  const parameters = shared(given);
  const held = Object.values(parameters);
  const free = (): void => held.forEach((t) => t.dispose());
  const inScope = bindScope();
  try {
    const mask = maskOf(options.mask, B, N);
    if (mask && mask !== options.mask) held.push(mask);
    const call = checkCall(
      {
        ...{ causal: options.causal, algorithm: options.algorithm, seed: options.seed, signal, onProgress },
        mask,
        dropout,
      },
      { ...{ B, H, Hk, Nq: N, Nk: N, D, Dv: D }, layout: 'bnhd', dtype: 'f32', packing: 'none', sequences: null },
    );
    const rows = 2 * B * N * hiddenSize;
    const costs = [rows * (hiddenSize + 2 * Hk * D), 4 * B * H * N * N * D, rows * hiddenSize];
    const progress = progressOfStages(onProgress, costs);

    const into = projections(sizes, QKV);
    const first = await onDevice(
      { x, ...ofProjections(parameters, QKV) },
      (facts) => linearForward(B * N, into, facts),
      { signal, onProgress: progress[0] },
    );
    const heads = inScope(() => {
      const headsOf = (name: 'q' | 'k' | 'v'): Tensor =>
        fromBuffer(first.device, first.outputs[name], [B, N, name === 'q' ? H : Hk, D]);
      return { q: headsOf('q'), k: headsOf('k'), v: headsOf('v') };
    });
    held.push(...Object.values(heads));

    const { q, k, v } = heads;
    const shapes = {
      ...{ out: [B, N, H, D], lse: [B, H, N] },
      gradients: { dq: q.shape, dk: k.shape, dv: v.shape },
    };
    const attended = await inScope(() =>
      attend<AttentionGradients>({ ...call, onProgress: progress[1] }, { ...heads, mask }, shapes),
    );
    held.push(attended.out, attended.lse);

    const last = await onDevice(
      { attended: attended.out, ...ofProjections(parameters, ['outProj']) },
      (facts) => linearForward(B * N, projections(sizes, ['outProj']), facts),
      { signal, onProgress: progress[2] },
    );
    return inScope(() => {
      const out = fromBuffer(last.device, last.outputs.out, [B, N, hiddenSize]);
      const result: LayerResult = {
        out,
        info: infoOfStages('layer forward', [first.info, attended.info, last.info], [q, k, v, attended.out]),
        seed: attended.seed,
        backward: (dout, later = {}) => layerBackward(dout, { x, out, attended, sizes, parameters }, later),
        dispose: () => {
          out.dispose();
          attended.dispose();
          free();
        },
      };
      return owning(result, held);
    });
  } catch (error) {
    free();
    throw error;
  }
}

/** A mask of keys as one of pairs; the mask itself if it has more axes. */
function maskOf(mask: Tensor | undefined, B: number, N: number): Tensor | undefined {
  if (mask === undefined) return undefined;
  checkTensor('mask', mask);
  if (mask.shape.length !== 2) return mask;
  checkShape('mask', mask, [B, N], '(a number for each token)');
  return mask.reshape([B, 1, 1, N]);
}

interface Forward {
  readonly x: Tensor;
  readonly out: Tensor;
  readonly attended: Attended<AttentionGradients>;
  readonly sizes: LayerSizes;
  readonly parameters: LayerParameters;
}

async function layerBackward(
  dout: Tensor,
  { x, out, attended, sizes, parameters }: Forward,
  options: BackwardOptions,
): Promise<LayerGradients> {
  checkBackward(dout, out, options);
  checkTensor('out', out);
  checkTensor('x', x);
  const { signal, onProgress } = options;
  const inScope = bindScope();
  const [B, N] = x.shape;
  const { hiddenSize, numHeads: H, kvHeads: Hk } = sizes;
  const rows = 4 * B * N * hiddenSize;
  const D = hiddenSize / H;
  const costs = [rows * hiddenSize, 14 * B * H * N * N * D, rows * (hiddenSize + 2 * Hk * D)];
  const progress = progressOfStages(onProgress, costs);
  /** Freed in the end, and in the case of an error. */
  const between: Tensor[] = [];
  const grads: Record<string, Tensor> = {};

  /** The backward of some projections; what belongs to parameters goes to grads, the rest is returned. */
  const back = async (
    names: readonly ProjectionName[],
    tensors: Record<string, Tensor>,
    input: Tensor,
    told: typeof onProgress,
  ): Promise<{ dinput: Tensor; info: AttentionInfo }> => {
    const own = ofProjections(parameters, names);
    const { device, outputs, info } = await onDevice(
      { ...tensors, ...own },
      (facts) => linearBackward(B * N, projections(sizes, names), facts),
      { signal, onProgress: told },
    );
    return inScope(() => {
      for (const [name, { shape }] of Object.entries(own)) grads[name] = fromBuffer(device, outputs[`d${name}`], shape);
      return { dinput: fromBuffer(device, outputs[`d${INPUTS[names[0]]}`], input.shape), info };
    });
  };

  try {
    const last = await back(['outProj'], { attended: attended.out, dout }, attended.out, progress[0]);
    between.push(last.dinput);
    const { dq, dk, dv, info } = await inScope(() =>
      attended.backward(last.dinput, { signal, onProgress: progress[1] }),
    );
    between.push(dq, dk, dv);
    const first = await back(QKV, { x, dq, dk, dv }, x, progress[2]);
    const infos = [last.info, info, first.info];
    return {
      dx: first.dinput,
      grads: Object.fromEntries(Object.keys(parameters).map((name) => [name, grads[name]])),
      info: infoOfStages('layer backward', infos, [attended.out, ...between]),
    };
  } catch (error) {
    Object.values(grads).forEach((t) => t.dispose());
    throw error;
  } finally {
    between.forEach((t) => t.dispose());
  }
}
