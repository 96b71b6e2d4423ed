import { FlashError } from '../api/errors';
import { bindScope } from '../tensor/scope';
import type { Tensor } from '../tensor/tensor';
import { NPY_MAGIC, readNpy } from './npy';
import { readSafetensors } from './safetensors';
import { badFile, type ByteSource, type LoadSource, openSource } from './source';

/**
 * Reads tensors from a file: one from .npy (NumPy), any number by name from .safetensors.
 *
 * float32, float16, bool and int8 stay what they are. bfloat16, float64 (rounded) and other whole numbers become 'f32'; a
 * whole number that float32 does not have, or a float64 beyond its range, is refused. NumPy's column-major and big-endian
 * arrays are put in order; the metadata of a .safetensors file is not read.
 *
 * @param file a path in Node, an address in a browser (http and https in both), or a Blob, File, ArrayBuffer or Uint8Array
 * @throws (rejects) FlashError INVALID_ARGUMENT for a file that is absent, cut off or of another kind, DTYPE for numbers that
 *   no tensor holds, OUT_OF_MEMORY
 * @example
 * const { q, k, v } = await flash.load('data/layer.safetensors');
 */
export function load(file: `${string}.npy`): Promise<Tensor>;
export function load(file: `${string}.safetensors`): Promise<Record<string, Tensor>>;
export function load(file: LoadSource): Promise<Tensor | Record<string, Tensor>>;
export async function load(file: LoadSource): Promise<Tensor | Record<string, Tensor>> {
  const inScope = bindScope();
  const source = await openSource(file);
  try {
    return inScope(await read(source));
  } catch (cause) {
    if (cause instanceof FlashError) throw cause;
    const { message } = cause as Error;
    if (!(cause instanceof RangeError)) throw badFile(source.name, `it cannot be read: ${message}`, cause);
    throw new FlashError('OUT_OF_MEMORY', `load ${source.name}: no host memory for it: ${message}.`, { cause });
  } finally {
    await source.close();
  }
}

async function read(source: ByteSource): Promise<() => Tensor | Record<string, Tensor>> {
  const { name, size } = source;
  if (size === 0) throw badFile(name, 'the file is empty');
  const first = String.fromCharCode(...new Uint8Array(await source.read(0, Math.min(size, 9))));
  if (first.startsWith(NPY_MAGIC)) return readNpy(source);
  if (/\.npy$/i.test(name)) throw badFile(name, 'expected a .npy file, which begins with \\x93NUMPY');
  if (first.startsWith('PK')) {
    throw badFile(name, 'expected a .npy or .safetensors file, got a zip archive; a .npz holds .npy files: unpack it');
  }
  // The header of a .safetensors file begins with {, after its length; a cut-off one is told apart by its name.
  if (first[8] === '{' || /\.safetensors$/i.test(name)) return readSafetensors(source);
  throw badFile(name, 'expected a .npy or .safetensors file, got something else');
}
