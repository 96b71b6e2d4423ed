import { describe } from '../api/describe';
import { FlashError } from '../api/errors';
import { sizeOf } from '../tensor/layout';
import type { StorageArray } from '../tensor/storage-array';
import { Tensor } from '../tensor/tensor';
import { checkFileShape } from './check-file-shape';
import { ELEMENT_BYTES, type ElementType, swapBytes, toElements } from './elements';
import { badFile, type ByteSource } from './source';

// NumPy's format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html

/** The six bytes that every .npy file begins with. */
export const NPY_MAGIC = '\x93NUMPY';

const TYPES: Readonly<Record<string, ElementType>> = {
  ...{ b1: 'bool', i1: 'i8', i2: 'i16', i4: 'i32', i8: 'i64', u1: 'u8', u2: 'u16', u4: 'u32', u8: 'u64' },
  ...{ f2: 'f16', f4: 'f32', f8: 'f64' },
};

interface Header {
  readonly type: ElementType;
  readonly bigEndian: boolean;
  readonly fortranOrder: boolean;
  readonly shape: number[];
  /** Where the elements begin. */
  readonly begin: number;
}

/** Reads a .npy file whose magic has been seen. The tensor is made by the returned function. */
export async function readNpy(source: ByteSource): Promise<() => Tensor> {
  const { type, bigEndian, fortranOrder, shape, begin } = await readHeader(source);
  const { name, size } = source;
  const wanted = sizeOf(shape) * ELEMENT_BYTES[type];
  if (size - begin !== wanted) {
    throw badFile(name, `expected ${wanted} bytes of numbers for shape (${shape.join(',')}), got ${size - begin}`);
  }
  const bytes = await source.read(begin, size);
  if (bigEndian) swapBytes(bytes, ELEMENT_BYTES[type]);
  const { dtype, storage } = toElements(bytes, type, name);
  return () => new Tensor(shape, dtype, fortranOrder ? toRowMajor(storage, shape) : storage);
}

async function readHeader(source: ByteSource): Promise<Header> {
  const { name, size } = source;
  const truncated = (): FlashError => badFile(name, `the file ends within its header, after ${size} bytes`);
  if (size < 10) throw truncated();
  const start = new DataView(await source.read(0, Math.min(size, 12)));
  const version = start.getUint8(6);
  if (version < 1 || version > 3) {
    throw badFile(name, `expected version 1, 2 or 3 of the .npy format, got ${version}.${start.getUint8(7)}`);
  }
  const lengthBytes = version === 1 ? 2 : 4;
  if (size < 8 + lengthBytes) throw truncated();
  const length = version === 1 ? start.getUint16(8, true) : start.getUint32(8, true);
  const begin = 8 + lengthBytes + length;
  if (begin > size) throw truncated();
  const text = new TextDecoder(version === 3 ? 'utf-8' : 'latin1').decode(await source.read(8 + lengthBytes, begin));
  return { ...parseHeader(text, name), begin };
}

/** The header is a Python dictionary such as {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }. */
function parseHeader(text: string, name: string): Omit<Header, 'begin'> {
  const value = (key: string, pattern: string): string | undefined =>
    new RegExp(`['"]${key}['"]\\s*:\\s*(?:${pattern})`).exec(text)?.[1];
  const order = value('fortran_order', '(True|False)');
  // Python 2 wrote the sizes as 3L.
  const sizes = value('shape', '\\(([\\d\\s,L]*)\\)');
  const descr = value('descr', '(\\[|[\'"][^\'"]*[\'"])');
  if (order === undefined || sizes === undefined || descr === undefined) {
    throw badFile(name, `expected a header with descr, fortran_order and shape, got ${describe(text.trim())}`);
  }
  const [, byteOrder, code] = /^.([<>|=])(.*).$/.exec(descr) ?? [];
  const type = Object.hasOwn(TYPES, code ?? '') ? TYPES[code] : undefined;
  if (!type) {
    const got = descr === '[' ? 'a structured type' : descr;
    throw new FlashError(
      'DTYPE',
      `load ${name}: expected numbers of type ${Object.keys(TYPES).join(', ')} or bool (b1), got ${got}; convert them with astype('float32') in NumPy.`,
    );
  }
  const shape = (sizes.match(/\d+/g) ?? []).map(Number);
  checkFileShape(shape, name);
  return { type, shape, bigEndian: byteOrder === '>', fortranOrder: order === 'True' };
}

/** The elements in row-major order, given with the first index running fastest. */
function toRowMajor(columnMajor: StorageArray, shape: readonly number[]): StorageArray {
  const rowMajor = columnMajor.slice();
  const strides = shape.map((_, axis) => sizeOf(shape.slice(0, axis)));
  const at = shape.map(() => 0);
  let from = 0;
  for (let to = 0; to < rowMajor.length; to++) {
    rowMajor[to] = columnMajor[from];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis];
      if (++at[axis] < shape[axis]) break;
      from -= strides[axis] * shape[axis];
      at[axis] = 0;
    }
  }
  return rowMajor;
}
