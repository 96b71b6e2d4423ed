export const backward = {};
