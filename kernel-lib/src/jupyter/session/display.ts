import { inspect } from 'node:util';
import type { MimeBundle } from '../protocol';
import { objectsTable } from './show-table';
import { isTensor, showTensor } from './show-tensor';

/** The method by which an object says how it wants to be shown: it returns a MIME bundle, or a promise of one. */
const DISPLAY = Symbol.for('Jupyter.display');

/**
 * The MIME bundle of a value: its own, that of a tensor, a table of a list of objects, or `text/plain` as Node prints it. A promise
 * where the value gives one, and for tensors.
 */
export function toMimeBundle(value: unknown): MimeBundle | Promise<MimeBundle> {
  if ((typeof value === 'object' && value !== null) || typeof value === 'function') {
    const method: unknown = (value as Record<symbol, unknown>)[DISPLAY];
    if (typeof method === 'function') {
      const bundle: unknown = (method as () => unknown).call(value);
      return bundle instanceof Promise ? bundle.then(checked) : checked(bundle);
    }
  }
  if (isTensor(value)) return showTensor(value);
  const table = objectsTable(value);
  return { 'text/plain': inspect(value), ...(table !== undefined && { 'text/html': table }) };
}

const SILENT = Symbol('flashlab.silent');

/** Marks what is not shown when it is the value of a cell: the handle of something that is shown already. */
export const silent = <T extends object>(handle: T): T => Object.defineProperty(handle, SILENT, { value: true });

/** What shows a value: one MIME bundle, or one for each of the parts of a report; none for a silent one. */
export async function toMimeBundles(value: unknown): Promise<MimeBundle[]> {
  if (typeof value === 'object' && value !== null && SILENT in value) return [];
  const { parts } = value as { parts?: unknown };
  if (typeof parts !== 'function' || !(DISPLAY in (value as object))) return [await toMimeBundle(value)];
  return (parts as () => unknown[]).call(value).map(checked);
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
