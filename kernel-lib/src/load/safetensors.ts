import { describe } from '../api/describe';
import { FlashError } from '../api/errors';
import { sizeOf } from '../tensor/layout';
import { Tensor } from '../tensor/tensor';
import { checkFileShape } from './check-file-shape';
import { ELEMENT_BYTES, type Elements, type ElementType, toElements } from './elements';
import { badFile, type ByteSource } from './source';

// The format: 8 bytes length of the header, the header (JSON), the elements of all tensors without gaps;
// https://github.com/huggingface/safetensors#format

const TYPES: Readonly<Record<string, ElementType>> = {
  ...{ BOOL: 'bool', I8: 'i8', U8: 'u8', I16: 'i16', U16: 'u16', I32: 'i32', U32: 'u32', I64: 'i64', U64: 'u64' },
  ...{ F16: 'f16', BF16: 'bf16', F32: 'f32', F64: 'f64' },
};

/** What the format's own reader takes at the most. */
const MAX_HEADER = 100_000_000;

interface Entry {
  readonly key: string;
  readonly type: ElementType;
  readonly shape: number[];
  /** Bytes from the beginning of the file. */
  readonly begin: number;
  readonly end: number;
}

/** Reads a .safetensors file. The tensors are made, by name, by the returned function. */
export async function readSafetensors(source: ByteSource): Promise<() => Record<string, Tensor>> {
  const entries = await readHeader(source);
  const parts: { entry: Entry; elements: Elements }[] = [];
  for (const entry of entries) {
    const bytes = await source.read(entry.begin, entry.end);
    parts.push({ entry, elements: toElements(bytes, entry.type, `${source.name}, ${entry.key}`) });
  }
  return () =>
    Object.fromEntries(
      parts.map(({ entry: { key, shape }, elements: { dtype, storage } }) => [key, new Tensor(shape, dtype, storage)]),
    );
}

async function readHeader(source: ByteSource): Promise<Entry[]> {
  const { name, size } = source;
  const length = size < 8 ? NaN : Number(new DataView(await source.read(0, 8)).getBigUint64(0, true));
  const begin = 8 + length;
  if (!(begin <= size) || length > MAX_HEADER) {
    throw badFile(
      name,
      `expected a .safetensors file, which begins with the length of its header; the file of ${size} bytes ends before the header does`,
    );
  }
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(await source.read(8, begin)));
  } catch (cause) {
    throw badFile(name, `expected a header in JSON: ${(cause as Error).message}`, cause);
  }
  if (!isObject(header)) throw badFile(name, `expected a header that is an object, got ${describe(header)}`);
  const entries = Object.entries(header)
    .filter(([key]) => key !== '__metadata__')
    .map(([key, value]) => parseEntry(key, value, begin, `${name}, ${key}`));
  checkCover(entries, begin, size, name);
  return entries;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function parseEntry(key: string, value: unknown, dataBegin: number, name: string): Entry {
  const { dtype, shape: given, data_offsets: offsets } = isObject(value) ? value : {};
  const type = typeof dtype === 'string' && Object.hasOwn(TYPES, dtype) ? TYPES[dtype] : undefined;
  if (!type) {
    throw new FlashError(
      'DTYPE',
      `load ${name}: expected a dtype of ${Object.keys(TYPES).join(', ')}, got ${describe(dtype)}.`,
    );
  }
  const shape = checkFileShape(given, name);
  const isRange =
    Array.isArray(offsets) && offsets.length === 2 && offsets.every((n) => Number.isSafeInteger(n) && n >= 0);
  if (!isRange) throw badFile(name, `expected data_offsets of two whole numbers, got ${describe(offsets)}`);
  const [begin, end] = offsets as [number, number];
  const wanted = sizeOf(shape) * ELEMENT_BYTES[type];
  if (end - begin !== wanted) {
    throw badFile(
      name,
      `expected ${wanted} bytes for ${dtype} (${shape.join(',')}), got the range ${describe(offsets)}`,
    );
  }
  return { key, type, shape, begin: dataBegin + begin, end: dataBegin + end };
}

/** The tensors must lie one after the other, from the end of the header to the end of the file. */
function checkCover(entries: readonly Entry[], begin: number, size: number, name: string): void {
  let at = begin;
  for (const entry of [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    const where = `${name}, ${entry.key}`;
    if (entry.end > size) {
      throw badFile(where, `its bytes end at ${entry.end}, but the file has only ${size}: it may be cut off`);
    }
    if (entry.begin < at) throw badFile(where, `its bytes overlap those of another tensor`);
    if (entry.begin > at)
      throw badFile(where, `there are ${entry.begin - at} bytes before it that belong to no tensor`);
    at = entry.end;
  }
  if (at < size) throw badFile(name, `there are ${size - at} bytes at its end that belong to no tensor`);
}
