export const flashAttention1 = {};
