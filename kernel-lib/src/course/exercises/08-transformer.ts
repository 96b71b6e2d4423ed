export const transformer = {};
