import { open, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { badFile, type ByteSource } from '../load/source';

/** The most that one read of Node takes. */
const PART = 2 ** 30;

/** Opens a file by its path, relative to the working directory, or by a file: URL. */
export async function openFile(file: string | URL): Promise<ByteSource> {
  const name = String(file);
  let handle: FileHandle | undefined;
  try {
    handle = await open(/^file:/.test(name) ? fileURLToPath(file) : name);
    const stats = await handle.stat();
    if (!stats.isFile()) throw new Error('it is no file');
    return fileSource(name, handle, stats.size);
  } catch (cause) {
    await handle?.close();
    const absent = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    const why = absent ? `there is no such file, looked for ${path.resolve(name)}` : (cause as Error).message;
    throw badFile(name, why, cause);
  }
}

function fileSource(name: string, handle: FileHandle, size: number): ByteSource {
  return {
    name,
    size,
    read: async (begin, end) => {
      const bytes = new Uint8Array(end - begin);
      for (let at = 0; at < bytes.length;) {
        const { bytesRead } = await handle.read(bytes, at, Math.min(PART, bytes.length - at), begin + at);
        if (bytesRead === 0) throw badFile(name, `the file became shorter than ${end} bytes while it was read`);
        at += bytesRead;
      }
      return bytes.buffer;
    },
    close: () => handle.close(),
  };
}
