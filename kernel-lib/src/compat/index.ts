// Names that people know from other libraries, with their semantics: the tensors come first, then one object of the original's
// arguments in camelCase. Whatever the original calls None is null here, or left out.

export {
  AttentionBias,
  BlockDiagonalCausalFromBottomRightMask,
  BlockDiagonalCausalMask,
  BlockDiagonalMask,
  LocalAttentionFromBottomRightMask,
  LowerTriangularFromBottomRightMask,
  LowerTriangularMask,
  LowerTriangularMaskWithTensorBias,
} from './attn-bias';
export { flashAttnFunc, flashAttnKvpackedFunc, flashAttnQkvpackedFunc } from './flash-attn';
export type { FlashAttnOptions } from './flash-attn';
export { flashAttnVarlenFunc, flashAttnVarlenKvpackedFunc, flashAttnVarlenQkvpackedFunc } from './flash-attn-varlen';
export type {
  FlashAttnVarlenKvpackedOptions,
  FlashAttnVarlenOptions,
  FlashAttnVarlenQkvpackedOptions,
} from './flash-attn-varlen';
export { flashAttnWithKvcache } from './flash-attn-with-kvcache';
export type { FlashAttnWithKvcacheOptions } from './flash-attn-with-kvcache';
export { memoryEfficientAttention } from './memory-efficient-attention';
export type { MemoryEfficientAttentionArguments } from './memory-efficient-attention';
export { scaledDotProductAttention } from './scaled-dot-product-attention';
export type { ScaledDotProductAttentionArguments } from './scaled-dot-product-attention';
