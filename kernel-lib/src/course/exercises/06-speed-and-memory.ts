export const speedAndMemory = {};
