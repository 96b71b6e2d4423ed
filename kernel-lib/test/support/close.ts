import { compare } from '../../src/reference';
import type { Tensor } from '../../src/node';

/** Numbers, or a tensor of them. */
export type Numbers = Tensor | ArrayLike<number>;

const numbersOf = async (x: Numbers): Promise<ArrayLike<number>> => ('data' in x ? x.data() : x);

/**
 * Fails unless every entry is within `relative * (1 + max|expected|)` of what is expected; NaN fails, equal infinities pass. The exact
 * budgets of the contract are held by `check` and the fuzz; this is for results of two ways to compute the same thing.
 */
export async function expectClose(name: string, actual: Numbers, expected: Numbers, relative = 2e-6): Promise<void> {
  const [found, truth] = await Promise.all([numbersOf(actual), numbersOf(expected)]);
  let magnitude = 0;
  for (let n = 0; n < truth.length; n++) {
    if (Number.isFinite(truth[n])) magnitude = Math.max(magnitude, Math.abs(truth[n]));
  }
  const { ok, error, allowed, worst } = compare(found, truth, relative * (1 + magnitude));
  if (!ok) {
    throw new Error(
      `${name}: off by ${error} at ${worst} (${found[worst]} for ${truth[worst]}), where ${allowed} is allowed.`,
    );
  }
}

/** Tensors of a result or of gradients by name. */
export const tensorsOf = (result: object): Record<string, Tensor> =>
  Object.fromEntries(Object.entries(result).filter(([, value]) => typeof value?.data === 'function'));

/** Compares all tensors of two results. */
export async function expectAllClose(actual: object, expected: object, relative?: number): Promise<void> {
  const [found, truth] = [tensorsOf(actual), tensorsOf(expected)];
  expect(Object.keys(found).sort()).toEqual(Object.keys(truth).sort());
  for (const name of Object.keys(truth)) await expectClose(name, found[name], truth[name], relative);
}

/** The numbers of all tensors of a result, for comparing bits. */
export async function bitsOf(result: object): Promise<Record<string, Float32Array>> {
  const entries = Object.entries(tensorsOf(result)).map(async ([name, t]) => [name, await t.data()] as const);
  return Object.fromEntries(await Promise.all(entries));
}
