import { describe } from '../api/describe';
import { Tensor } from '../tensor/tensor';

/** Numbers with a name and a shape. */
export interface Output {
  /** '' for a result that is one thing; else the path in it, such as 'lse' or '[2].m'. */
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
}

/** A part of a result that does not consist of numbers. */
export class NotNumbers extends Error {
  constructor(
    /** Its path. */
    readonly output: string,
    /** What there is instead. */
    readonly got: string,
  ) {
    super(`${output}: ${got}`);
  }
}

/** Longer lists are no results. */
const LONGEST = 1e7;

/**
 * The numbers of a result that should have the structure of `like`: numbers, true and false, (nested) lists, typed arrays, tensors,
 * and objects of these. What else stands in its objects is left alone.
 * @throws NotNumbers
 */
export async function numbersLike(like: unknown, value: unknown, name = ''): Promise<Output[]> {
  const records = Array.isArray(like) && like.some(isRecord);
  if (!records && !isRecord(like)) return [await numbersOf(value, name)];
  if (!(records ? Array.isArray(value) && value.length === like.length : isRecord(value))) {
    throw new NotNumbers(name, describe(value));
  }
  const at = (key: string): string => (records ? `${name}[${key}]` : name ? `${name}.${key}` : key);
  const parts = Object.entries(like as object).map(([key, part]) =>
    numbersLike(part, (value as Record<string, unknown>)[key], at(key)),
  );
  return (await Promise.all(parts)).flat();
}

/** An object with names, not a list of numbers. */
const isRecord = (value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  !ArrayBuffer.isView(value) &&
  !(value instanceof Tensor);

/** One thing of numbers. The parts of a list must have one shape. */
async function numbersOf(value: unknown, name: string): Promise<Output> {
  if (typeof value === 'number' || typeof value === 'boolean') return { name, shape: [], data: [Number(value)] };
  if (value instanceof Tensor) return { name, shape: value.shape, data: await value.data() };
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) {
    const data = Array.from(value as unknown as ArrayLike<number>, Number);
    return { name, shape: [data.length], data };
  }
  if (!Array.isArray(value) || value.length > LONGEST) throw new NotNumbers(name, describe(value));
  // Holes become undefined.
  const list: unknown[] = Array.from(value);
  if (list.every((x) => typeof x === 'number')) return { name, shape: [list.length], data: list };
  const parts = await Promise.all(list.map((part, n) => numbersOf(part, `${name}[${n}]`)));
  const odd = parts.find((part) => String(part.shape) !== String(parts[0].shape));
  if (odd) throw new NotNumbers(odd.name, `${odd.shape.join(' x ')} (${parts[0].name}: ${parts[0].shape.join(' x ')})`);
  return { name, shape: [list.length, ...parts[0].shape], data: parts.flatMap(({ data }) => Array.from(data)) };
}
