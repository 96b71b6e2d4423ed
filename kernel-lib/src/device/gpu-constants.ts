// The flags of the WebGPU standard as numbers: the globals GPUBufferUsage and GPUMapMode exist in browsers only.
export const MAP_READ = 0x0001;
export const MAP_WRITE = 0x0002;
export const COPY_SRC = 0x0004;
export const COPY_DST = 0x0008;
export const UNIFORM = 0x0040;
export const STORAGE = 0x0080;
export const QUERY_RESOLVE = 0x0200;

export const MAP_MODE_READ = 0x0001;
export const MAP_MODE_WRITE = 0x0002;
export const COMPUTE_STAGE = 0x4;
