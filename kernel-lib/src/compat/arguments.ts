import { checkNames } from '../api/checks';
import { FlashError } from '../api/errors';
import type { AttentionOptions } from '../api/options';
import { Tensor } from '../tensor/tensor';

/** What every call here takes beside the arguments of its original. */
export type RunArguments = Pick<AttentionOptions, 'seed' | 'algorithm' | 'tiles' | 'signal' | 'onProgress'>;

const RUN_NAMES = ['seed', 'algorithm', 'tiles', 'signal', 'onProgress'] as const;

/** The originals say None for what is not given; here that is null, or to leave it out. */
export type OrNull<T> = { [K in keyof T]?: T[K] | null };

/** The arguments that are given. */
export function given<T extends object>(
  options: OrNull<T>,
  names: readonly string[],
  runNames: readonly string[] = RUN_NAMES,
): Partial<T> {
  checkNames(options, [...names, ...runNames]);
  const entries = Object.entries(options).filter(([, value]) => value !== null && value !== undefined);
  return Object.fromEntries(entries) as Partial<T>;
}

export const pickRun = ({ seed, algorithm, tiles, signal, onProgress }: RunArguments): RunArguments => ({
  ...{ seed, algorithm, tiles, signal, onProgress },
});

/** A list of numbers, or a Tensor of them: the originals take tensors. */
export type Numbers = readonly number[] | Int32Array | Float32Array | Tensor;
/** The same for a list of lists. */
export type Rows = readonly (readonly number[] | Int32Array)[] | Tensor;

/**
 * Calls `then` with those of the arguments that are Tensors, of one or two axes, made into lists. Where none is, nothing is waited
 * for, so that calls stay in order.
 */
export async function withLists<T extends object, R>(
  options: T,
  names: readonly (keyof T & string)[],
  then: (options: T) => Promise<R>,
): Promise<R> {
  const lists: Partial<Record<keyof T, unknown>> = {};
  for (const name of names) {
    const value: unknown = options?.[name];
    if (value instanceof Tensor) lists[name] = await listOf(value);
  }
  return then(Object.keys(lists).length > 0 ? { ...options, ...lists } : options);
}

async function listOf(t: Tensor): Promise<unknown> {
  const numbers = Array.from(await t.data());
  const [rows, columns] = t.shape;
  if (columns === undefined) return numbers;
  return Array.from({ length: rows }, (_, n) => numbers.slice(n * columns, (n + 1) * columns));
}

/** Refuses an argument that is given but cannot mean anything here. */
export function refuse(name: string, value: unknown, why: string): void {
  if (value !== undefined) throw new FlashError('UNSUPPORTED', `${name}: ${why}`);
}

/**
 * Runs a call of ours. Its errors begin with the name of one of our options, which here gets the name of the original's argument.
 */
export async function renamed<T>(names: Readonly<Record<string, string>>, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    const ours = error instanceof FlashError ? /^[\w.]+/.exec(error.message)?.[0] : undefined;
    if (!(error instanceof FlashError) || !ours || !(ours in names)) throw error;
    throw new FlashError(error.code, names[ours] + error.message.slice(ours.length), { cause: error });
  }
}
