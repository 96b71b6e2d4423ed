import { tensorPreview } from '../../plots/tensor-preview';
import type { Tensor } from '../../tensor/tensor';
import { loadedFlash } from '../library';
import type { MimeBundle } from '../protocol';

/** Larger tensors are not fetched for being looked at. */
const MAX_BYTES = 2 ** 28;

export function isTensor(value: unknown): value is Tensor {
  const flash = loadedFlash();
  return flash !== undefined && value instanceof flash.Tensor;
}

/** A tensor's dtype, shape and size, its first numbers and a map of them. */
export async function showTensor(t: Tensor): Promise<MimeBundle> {
  const title = `${String(t)}, ${t.bytes.toLocaleString('en')} bytes${t.disposed ? ', disposed' : ''}`;
  if (t.disposed || t.bytes > MAX_BYTES) return { 'text/plain': title };
  const { text, html } = tensorPreview({ shape: t.shape, numbers: await t.data(), title });
  return { 'text/plain': text, 'text/html': html };
}
