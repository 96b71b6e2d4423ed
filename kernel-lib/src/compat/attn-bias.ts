import { fail } from '../api/checks';
import { FlashError } from '../api/errors';
import type { Tensor } from '../tensor/tensor';

// The classes that xformers takes as attn_bias (xformers.ops.fmha.attn_bias), by the same names and with the same meaning. Each only
// describes which pairs of query i and key j attend; nothing of the size of the scores is made.

/** What memoryEfficientAttention takes beside a Tensor. */
export abstract class AttentionBias {
  /** Keeps classes apart that have the same members. */
  protected abstract readonly kind: string;
}

/** Causal from the top left: query i sees key j only where j <= i, whatever the two lengths. */
export class LowerTriangularMask extends AttentionBias {
  protected readonly kind: string = 'top left';

  /** The same with a bias that is added to the scores, (B,H,Nq,Nk) or a shape that broadcasts to it. */
  addBias(bias: Tensor): LowerTriangularMaskWithTensorBias {
    return new LowerTriangularMaskWithTensorBias(bias);
  }
}

/** Causal from the top left, and a bias (B,H,Nq,Nk), or a shape that broadcasts to it, that is added to the scores. */
export class LowerTriangularMaskWithTensorBias extends LowerTriangularMask {
  protected override readonly kind = 'top left with bias';

  constructor(readonly bias: Tensor) {
    super();
  }
}

/** Causal from the bottom right: query i sees key j only where j <= i + Nk - Nq. */
export class LowerTriangularFromBottomRightMask extends AttentionBias {
  protected readonly kind = 'bottom right';
}

/** Query i sees keys i + Nk - Nq - windowLeft .. i + Nk - Nq + windowRight. */
export class LocalAttentionFromBottomRightMask extends AttentionBias {
  protected readonly kind = 'window';

  /** @throws FlashError INVALID_ARGUMENT for what is no whole number >= 0 */
  constructor(
    readonly windowLeft: number,
    readonly windowRight: number,
  ) {
    super();
    for (const [name, size] of Object.entries({ windowLeft, windowRight })) {
      if (!Number.isInteger(size) || size < 0) fail(name, 'a whole number >= 0', size);
    }
  }
}

/**
 * Sequences of different lengths in one row of tokens: q is (1,totalQ,H,D), k and v (1,totalK,H,D), and the queries of block b see
 * only the keys of block b. Made by fromSeqlens.
 */
export class BlockDiagonalMask extends AttentionBias {
  protected readonly kind: string = 'blocks';
  /** Where each block begins, and the total. */
  readonly cuSeqlensQ: readonly number[];
  readonly cuSeqlensK: readonly number[];

  /** @internal use fromSeqlens */
  constructor(qSeqlen: readonly number[], kvSeqlen: readonly number[]) {
    super();
    this.cuSeqlensQ = offsets('qSeqlen', qSeqlen);
    this.cuSeqlensK = offsets('kvSeqlen', kvSeqlen);
    if (kvSeqlen.length !== qSeqlen.length) {
      throw new FlashError(
        'INVALID_ARGUMENT',
        `kvSeqlen: expected ${qSeqlen.length} lengths, as many as qSeqlen, got ${kvSeqlen.length}.`,
      );
    }
  }

  /**
   * @param qSeqlen number of queries of each block
   * @param kvSeqlen number of keys of each block; without it, as many as queries
   * @throws FlashError INVALID_ARGUMENT
   */
  static fromSeqlens<T extends BlockDiagonalMask>(
    this: new (qSeqlen: readonly number[], kvSeqlen: readonly number[]) => T,
    qSeqlen: readonly number[],
    kvSeqlen: readonly number[] | null = null,
  ): T {
    return new this(qSeqlen, kvSeqlen ?? qSeqlen);
  }

  /** The same blocks, each causal from its top left. */
  makeCausal(): BlockDiagonalCausalMask {
    return new BlockDiagonalCausalMask(lengths(this.cuSeqlensQ), lengths(this.cuSeqlensK));
  }

  /** The same blocks, each causal from its bottom right. */
  makeCausalFromBottomright(): BlockDiagonalCausalFromBottomRightMask {
    return new BlockDiagonalCausalFromBottomRightMask(lengths(this.cuSeqlensQ), lengths(this.cuSeqlensK));
  }
}

/** Blocks that are each causal from the top left: i and j count from the block's first query and key, and j <= i. */
export class BlockDiagonalCausalMask extends BlockDiagonalMask {
  protected override readonly kind = 'blocks top left';
}

/**
 * Blocks that are each causal from the bottom right. Where a block has more queries than keys, which the original refuses, its first
 * queries see nothing and give 0.
 */
export class BlockDiagonalCausalFromBottomRightMask extends BlockDiagonalMask {
  protected override readonly kind = 'blocks bottom right';
}

function offsets(name: string, given: unknown): number[] {
  if (!Array.isArray(given) || given.length === 0) fail(name, 'a list of lengths', given);
  const result = [0];
  for (const [b, n] of given.entries()) {
    if (!Number.isInteger(n) || n < 0) fail(`${name}[${b}]`, 'a whole number >= 0', n);
    result.push(result[b] + (n as number));
  }
  return result;
}

const lengths = (starts: readonly number[]): number[] => starts.slice(1).map((end, b) => end - starts[b]);
