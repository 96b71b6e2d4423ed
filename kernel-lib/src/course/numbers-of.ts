import { Tensor } from '../tensor/tensor';

/** Numbers with a name and a shape. */
export interface Output {
  /** '' for a result that is one thing; else the path in it, such as 'lse' or '[2].m'. */
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
}

/** A result that does not consist of numbers; the message says where and what is there instead. */
export class NotNumbers extends Error {}

/**
 * All numbers of a result: numbers, true and false, (nested) lists, typed arrays, tensors, and objects of these.
 * @throws NotNumbers
 */
export async function numbersOf(value: unknown, name = ''): Promise<Output[]> {
  if (typeof value === 'number' || typeof value === 'boolean') return [{ name, shape: [], data: [Number(value)] }];
  if (value instanceof Tensor) return [{ name, shape: value.shape, data: await value.data() }];
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) {
    const data = Array.from(value as unknown as ArrayLike<number>, Number);
    return [{ name, shape: [data.length], data }];
  }
  if (typeof value !== 'object' || value === null) throw new NotNumbers(`${name || 'result'}: ${String(value)}`);
  if (Array.isArray(value) && !value.some(isRecord)) return [await listed(value, name)];
  const parts = Object.entries(value).filter(([, part]) => typeof part !== 'function');
  const at = (key: string): string => (Array.isArray(value) ? `${name}[${key}]` : name ? `${name}.${key}` : key);
  // What is no number may stand beside what was asked for.
  const outputs = parts.map(([key, part]) => numbersOf(part, at(key)).catch(nothing));
  return (await Promise.all(outputs)).flat();
}

function nothing(error: unknown): Output[] {
  if (error instanceof NotNumbers) return [];
  throw error;
}

/** An object with names, not a list of numbers. */
const isRecord = (value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  !ArrayBuffer.isView(value) &&
  !(value instanceof Tensor);

/** A list as one output; its parts must have one shape. */
async function listed(list: readonly unknown[], name: string): Promise<Output> {
  if (list.every((x) => typeof x === 'number')) return { name, shape: [list.length], data: list };
  const parts = (await Promise.all(list.map((part, n) => numbersOf(part, `${name}[${n}]`)))).flat();
  const odd = parts.find((part) => String(part.shape) !== String(parts[0].shape));
  if (odd)
    throw new NotNumbers(`${odd.name}: ${odd.shape.join(' x ')}, ${parts[0].name}: ${parts[0].shape.join(' x ')}`);
  return {
    name,
    shape: [list.length, ...(parts[0]?.shape ?? [])],
    data: parts.flatMap(({ data }) => Array.from(data)),
  };
}
