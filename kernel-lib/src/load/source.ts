import { describe } from '../api/describe';
import { FlashError } from '../api/errors';

/** What `flash.load` reads from. */
export type LoadSource = string | URL | Blob | ArrayBuffer | Uint8Array;

/** Some bytes that can be read in parts, so that a large file is never held twice. */
export interface ByteSource {
  /** For errors: the path, the address, or what was given. */
  readonly name: string;
  readonly size: number;
  /** A copy of the bytes from `begin` to `end`, both within `size`. */
  read(begin: number, end: number): Promise<ArrayBuffer>;
  close(): Promise<void>;
}

export type FileOpener = (path: string | URL) => Promise<ByteSource>;

let openFile: FileOpener | null = null;

/** Node hands in its files here; without them a path is an address relative to the page. */
export function setFileOpener(opener: FileOpener): void {
  openFile = opener;
}

/** An error about the content of a source. */
export const badFile = (name: string, what: string, cause?: unknown): FlashError =>
  new FlashError('INVALID_ARGUMENT', `load ${name}: ${what}.`, { cause });

export async function openSource(source: LoadSource): Promise<ByteSource> {
  if (typeof source === 'string' || source instanceof URL) {
    const isAddress = /^(https?|data|blob):/i.test(String(source));
    return openFile && !isAddress ? openFile(source) : fetchSource(String(source));
  }
  if (source instanceof Blob) return blobSource(source);
  if (source instanceof ArrayBuffer) return bytesSource('an ArrayBuffer', new Uint8Array(source));
  if (source instanceof Uint8Array) return bytesSource('a Uint8Array', source);
  throw new FlashError(
    'INVALID_ARGUMENT',
    `file: expected a path, a URL, a Blob, an ArrayBuffer or a Uint8Array, got ${describe(source)}.`,
  );
}

const bytesSource = (name: string, bytes: Uint8Array): ByteSource => ({
  name,
  size: bytes.byteLength,
  // Uint8Array's own slice also copies what a Buffer's would share.
  read: async (begin, end) => Uint8Array.prototype.slice.call(bytes, begin, end).buffer as ArrayBuffer,
  close: async () => undefined,
});

const blobSource = (blob: Blob): ByteSource => ({
  name: 'name' in blob ? String(blob.name) : 'a Blob',
  size: blob.size,
  read: (begin, end) => blob.slice(begin, end).arrayBuffer(),
  close: async () => undefined,
});

async function fetchSource(address: string): Promise<ByteSource> {
  const name = address.length > 100 ? `${address.slice(0, 100)}…` : address;
  let bytes: ArrayBuffer;
  try {
    const response = await fetch(address);
    if (!response.ok) throw new Error(`the server answered ${response.status} ${response.statusText}`.trim());
    bytes = await response.arrayBuffer();
  } catch (cause) {
    throw badFile(name, `it cannot be fetched: ${(cause as Error).message}`, cause);
  }
  return bytesSource(name, new Uint8Array(bytes));
}
