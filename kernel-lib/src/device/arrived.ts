/**
 * The bytes of buffers that came back to the host when the kernels that wrote them had run. They hold until something writes to the
 * buffer again.
 */
export const arrived = new WeakMap<GPUBuffer, ArrayBuffer>();
