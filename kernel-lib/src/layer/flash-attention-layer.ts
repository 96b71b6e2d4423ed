import { checkBoolean, checkNames, fail } from '../api/checks';
import { FlashError } from '../api/errors';
import { MAX_HEAD_SIZE } from '../api/validate';
import { checkSeed } from '../tensor/random';
import { untracked } from '../tensor/scope';
import type { Tensor } from '../tensor/tensor';
import { findParameters, initialParameters, type LayerSizes, type LayerParameters, shared } from './parameters';
import { FORWARD_NAMES, layerForward, type LayerForwardOptions, type LayerResult } from './run';

export interface FlashAttentionLayerOptions {
  /** Numbers of a token; numHeads times the head size, which may be at most 256. */
  hiddenSize: number;
  numHeads: number;
  /** Heads of keys and values, a divisor of numHeads. Default numHeads. */
  kvHeads?: number;
  /** Probability, 0 <= p < 1, that an entry of p is dropped in train mode. Default 0.1. */
  dropout?: number;
  /** Whether the projections add a bias. Default true. */
  bias?: boolean;
  /** Whole number 0 .. 2^32-1 that the first weights and the dropout of each forward pass follow from; without one, drawn. */
  seed?: number;
}

const NAMES = ['hiddenSize', 'numHeads', 'kvHeads', 'dropout', 'bias', 'seed'];

/**
 * Self-attention with its four projections, as torch.nn.MultiheadAttention has them: q, k and v are linear in x, each head attends,
 * and out is linear in what the heads give. All of it runs on the GPU in f32, forward and backward.
 *
 * The parameters are qProj.weight (hiddenSize,hiddenSize), kProj.weight and vProj.weight (kvHeads * head size, hiddenSize),
 * outProj.weight (hiddenSize,hiddenSize), and a bias for each, such as qProj.bias. Weights are (out,in) and multiply from the right,
 * transposed, as in torch.nn.Linear.
 *
 * @throws FlashError INVALID_ARGUMENT
 * @example
 * const layer = new flash.FlashAttentionLayer({ hiddenSize: 64, numHeads: 4, seed: 0 });
 * const { out, backward } = await layer.forward(flash.randn([2, 128, 64]), { causal: true });
 * const { dx, grads } = await backward(flash.randn(out.shape));
 */
export class FlashAttentionLayer {
  readonly hiddenSize: number;
  readonly numHeads: number;
  readonly kvHeads: number;
  readonly dropout: number;
  readonly bias: boolean;
  /** Whether forward drops entries; see train and eval. */
  training = true;
  private own: Record<string, Tensor>;
  private readonly seed: number;
  private passes = 0;

  constructor(options: FlashAttentionLayerOptions) {
    checkNames(options, NAMES);
    const { hiddenSize, numHeads, kvHeads = numHeads, dropout = 0.1, bias = true } = options;
    for (const [name, size] of Object.entries({ hiddenSize, numHeads, kvHeads })) {
      if (!Number.isInteger(size) || size < 1) fail(name, 'a whole number >= 1', size);
    }
    if (hiddenSize % numHeads !== 0 || hiddenSize / numHeads > MAX_HEAD_SIZE) {
      fail('numHeads', `a divisor of hiddenSize ${hiddenSize} that leaves heads of at most ${MAX_HEAD_SIZE}`, numHeads);
    }
    if (numHeads % kvHeads !== 0) fail('kvHeads', `a divisor of numHeads ${numHeads}`, kvHeads);
    if (typeof dropout !== 'number' || !(dropout >= 0 && dropout < 1)) {
      fail('dropout', 'a number p, 0 <= p < 1', dropout);
    }
    this.hiddenSize = hiddenSize;
    this.numHeads = numHeads;
    this.kvHeads = kvHeads;
    this.dropout = dropout;
    this.bias = checkBoolean('bias', bias);
    this.seed = checkSeed(options.seed) ?? Math.floor(Math.random() * 2 ** 32);
    this.own = initialParameters(this.sizes, this.seed);
  }

  private get sizes(): LayerSizes {
    const { hiddenSize, numHeads, kvHeads, bias } = this;
    return { hiddenSize, numHeads, kvHeads, bias };
  }

  /** The parameters by name. They are the layer's: it fails once they are disposed of. */
  parameters(): LayerParameters {
    return { ...this.own };
  }

  /**
   * Replaces all parameters. The layer keeps the memory of what it is given; disposing of the tensors themselves does not harm it, and
   * results of earlier forward passes still know the earlier ones.
   * @param weights by our names, or q_proj, k_proj, v_proj and out_proj or o_proj as in model files, f32; more may be there
   * @param options.prefix of the names, such as 'model.layers.0.self_attn.'
   * @throws FlashError INVALID_ARGUMENT for a missing one, SHAPE, DTYPE, DISPOSED; nothing is replaced then
   */
  load(weights: LayerParameters, options: { prefix?: string } = {}): this {
    checkNames(options, ['prefix']);
    const { prefix = '' } = options;
    if (typeof prefix !== 'string') fail('prefix', 'a string', prefix);
    if (typeof weights !== 'object' || weights === null) fail('weights', 'tensors by parameter name', weights);
    // In no scope: a tidy around this call must not free what the layer keeps.
    const next = untracked(() => shared(findParameters(weights, prefix, this.sizes)));
    this.dispose();
    this.own = next;
    return this;
  }

  /** From now on forward drops entries, or, with false, no longer. */
  train(mode = true): this {
    this.training = checkBoolean('mode', mode);
    return this;
  }

  /** From now on forward drops nothing. */
  eval(): this {
    return this.train(false);
  }

  /**
   * @param x (B,N,hiddenSize), f32
   * @param options `mask` as in {@link LayerForwardOptions}; `causal` and `algorithm` as in flash.attention; `seed` of dropout, in
   *   train mode, instead of the layer's next
   * @returns out (B,N,hiddenSize), what was done, and the backward pass
   * @throws (rejects) FlashError as flash.attention does
   */
  async forward(x: Tensor, options: LayerForwardOptions = {}): Promise<LayerResult> {
    checkNames(options, FORWARD_NAMES);
    if (this.disposed) throw new FlashError('DISPOSED', 'layer: expected a live one, got one that was disposed.');
    const dropout = this.training ? this.dropout : 0;
    // Far apart for neighbouring passes, and the same again for the same seed.
    const next = (this.seed + Math.imul(0x9e3779b9, this.passes)) >>> 0;
    if (dropout > 0) this.passes++;
    const parameters = this.own;
    return layerForward(x, { ...options, seed: options.seed ?? next }, { sizes: this.sizes, parameters, dropout });
  }

  get disposed(): boolean {
    return Object.values(this.own).some((t) => t.disposed);
  }

  /** Frees the parameters. */
  dispose(): void {
    Object.values(this.own).forEach((t) => t.dispose());
  }
}
