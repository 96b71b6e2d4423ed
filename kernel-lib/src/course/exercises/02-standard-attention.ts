export const standardAttention = {};
