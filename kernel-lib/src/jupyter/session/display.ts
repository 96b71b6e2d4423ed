import { inspect } from 'node:util';
import type { MimeBundle } from '../protocol';

/** The method by which an object says how it wants to be shown: it returns a MIME bundle, or a promise of one. */
const DISPLAY = Symbol.for('Jupyter.display');

/** The MIME bundle of a value: its own, or `text/plain` as Node prints it. A promise only where the value gives one. */
export function toMimeBundle(value: unknown): MimeBundle | Promise<MimeBundle> {
  if ((typeof value === 'object' && value !== null) || typeof value === 'function') {
    const method: unknown = (value as Record<symbol, unknown>)[DISPLAY];
    if (typeof method === 'function') {
      const bundle: unknown = (method as () => unknown).call(value);
      return bundle instanceof Promise ? bundle.then(checked) : checked(bundle);
    }
  }
  return { 'text/plain': inspect(value) };
}

/** Bytes travel as base64 text. */
function checked(bundle: unknown): MimeBundle {
  if (typeof bundle !== 'object' || bundle === null) {
    throw new TypeError(
      `[Symbol.for('Jupyter.display')]() must return an object of MIME types, got ${inspect(bundle)}`,
    );
  }
  const encoded = Object.entries(bundle).map(([mime, data]: [string, unknown]) => [
    mime,
    data instanceof Uint8Array ? Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64') : data,
  ]);
  return Object.fromEntries(encoded) as MimeBundle;
}
