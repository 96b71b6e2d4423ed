import type { DeviceFacts } from '../device/device';
import { shapeOf } from '../tensor/layout';
import { Tensor } from '../tensor/tensor';
import { describe } from './describe';
import { FlashError } from './errors';
import type { Algorithm, AttentionOptions } from './options';
import type { Layout, Problem } from './problem';

/** A call of attention that is known to be good, but for what depends on the device. */
export interface CheckedCall {
  readonly problem: Problem;
  readonly algorithm: Algorithm;
  readonly tiles: { readonly br: number; readonly bc: number } | null;
  readonly signal?: AbortSignal;
  readonly onProgress?: (fraction: number) => void;
}

/** The largest head size that the kernels are made and tested for. */
export const MAX_HEAD_SIZE = 256;

const OPTION_NAMES = ['scale', 'causal', 'layout', 'algorithm', 'tiles', 'signal', 'onProgress'];

/** Options of the contract that these kernels do not have yet: refused, never ignored. */
const LATER = ['window', 'softcap', 'alibiSlopes', 'bias', 'mask', 'dropout', 'seed'];

function fail(name: string, expected: string, given: unknown): never {
  throw new FlashError('INVALID_ARGUMENT', `${name}: expected ${expected}, got ${describe(given)}.`);
}

function oneOf<T extends string>(name: string, values: readonly T[], given: unknown, fallback: T): T {
  if (given === undefined) return fallback;
  if (!values.includes(given as T)) fail(name, values.map((value) => `'${value}'`).join(' or '), given);
  return given as T;
}

/** Refuses what is no option object, unknown names, and options that are not there yet. */
export function checkNames(options: unknown, names: readonly string[]): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) fail('options', 'an object', options);
  for (const [name, value] of Object.entries(options as object)) {
    if (names.includes(name) || value === undefined) continue;
    if (LATER.includes(name)) {
      throw new FlashError('UNSUPPORTED', `${name}: this version has no '${name}' yet; leave the option out.`);
    }
    throw new FlashError('INVALID_ARGUMENT', `${name}: no such option, expected one of ${names.join(', ')}.`);
  }
}

/** Options that steer a run, shared by forward and backward. */
export function checkRunOptions(options: Pick<AttentionOptions, 'signal' | 'onProgress'>): void {
  const { signal, onProgress } = options;
  if (signal !== undefined && typeof signal?.throwIfAborted !== 'function') fail('signal', 'an AbortSignal', signal);
  if (onProgress !== undefined && typeof onProgress !== 'function') fail('onProgress', 'a function', onProgress);
}

export function checkTensor(name: string, value: unknown, rank?: number): asserts value is Tensor {
  if (!(value instanceof Tensor)) fail(name, 'a Tensor (see flash.tensor)', value);
  if (value.disposed) {
    throw new FlashError('DISPOSED', `${name}: expected a live tensor, got one that was disposed.`);
  }
  if (rank !== undefined && value.shape.length !== rank) {
    throw new FlashError('SHAPE', `${name}: expected ${rank} axes, got shape (${value.shape.join(',')}).`);
  }
}

export function checkShape(name: string, value: Tensor, expected: readonly number[], why: string): void {
  const same = value.shape.length === expected.length && expected.every((n, axis) => n === value.shape[axis]);
  if (!same) {
    throw new FlashError(
      'SHAPE',
      `${name}: expected shape (${expected.join(',')}) ${why}, got (${value.shape.join(',')}).`,
    );
  }
}

interface Axes {
  B: number;
  heads: number;
  N: number;
  width: number;
}

function axes(t: Tensor, layout: Layout): Axes {
  const [B, second, third, width] = t.shape;
  return layout === 'bhnd' ? { B, heads: second, N: third, width } : { B, heads: third, N: second, width };
}

/** Shapes of q, k and v against each other. */
function checkShapes(q: Tensor, k: Tensor, v: Tensor, layout: Layout): Omit<Problem, 'scale' | 'causal'> {
  const of = { q: axes(q, layout), k: axes(k, layout), v: axes(v, layout) };
  for (const [name, t] of Object.entries({ q, k, v })) {
    if (t.shape.some((n) => n < 1)) {
      throw new FlashError('SHAPE', `${name}: expected every axis to be at least 1, got (${t.shape.join(',')}).`);
    }
  }
  const { B, heads: H, N: Nq, width: D } = of.q;
  const { heads: Hk, N: Nk } = of.k;
  const Dv = of.v.width;
  checkShape('k', k, shapeOf(layout, B, Hk, Nk, D), `(batch ${B} and head size ${D} of q)`);
  checkShape('v', v, shapeOf(layout, B, Hk, Nk, Dv), `(batch, heads and length of k)`);
  if (H % Hk !== 0) {
    throw new FlashError('SHAPE', `k: expected a number of heads that divides the ${H} heads of q, got ${Hk}.`);
  }
  for (const [name, width] of Object.entries({ q: D, v: Dv })) {
    if (width > MAX_HEAD_SIZE) {
      throw new FlashError('SHAPE', `${name}: expected a head size of at most ${MAX_HEAD_SIZE}, got ${width}.`);
    }
  }
  return { B, H, Hk, Nq, Nk, D, Dv, layout };
}

/** Checks everything about a call that can be checked without a device. */
export function checkAttention(q: unknown, k: unknown, v: unknown, options: AttentionOptions): CheckedCall {
  checkNames(options, OPTION_NAMES);
  const layout = oneOf('layout', ['bhnd', 'bnhd'], options.layout, 'bhnd');
  checkTensor('q', q, 4);
  checkTensor('k', k, 4);
  checkTensor('v', v, 4);
  const sizes = checkShapes(q, k, v, layout);
  const { scale = 1 / Math.sqrt(sizes.D), causal = false, tiles } = options;
  // The kernels fold log2(e) into it, so that much must fit a float32, too.
  if (typeof scale !== 'number' || !Number.isFinite(Math.fround(scale * Math.LOG2E))) {
    fail('scale', 'a finite number (below 2.3e38)', scale);
  }
  if (typeof causal !== 'boolean') fail('causal', 'true or false', causal);
  if ((options.algorithm as string) === 'flash1') {
    throw new FlashError('UNSUPPORTED', "algorithm: this version has no 'flash1' yet, expected 'flash2' or 'naive'.");
  }
  const algorithm = oneOf('algorithm', ['flash2', 'naive', 'reference'], options.algorithm, 'flash2');
  if (tiles !== undefined) checkTiles(tiles, algorithm);
  checkRunOptions(options);
  return {
    problem: { ...sizes, scale, causal },
    algorithm,
    tiles: tiles ? { br: tiles.br, bc: tiles.bc } : null,
    signal: options.signal,
    onProgress: options.onProgress,
  };
}

function checkTiles(tiles: unknown, algorithm: Algorithm): void {
  if (typeof tiles !== 'object' || tiles === null) fail('tiles', '{ br, bc }', tiles);
  for (const name of ['br', 'bc'] as const) {
    const value = (tiles as Record<string, unknown>)[name];
    if (!Number.isInteger(value) || (value as number) < 1 || (value as number) > 1024) {
      fail(`tiles.${name}`, 'a whole number from 1 to 1024', value);
    }
  }
  if (algorithm !== 'flash2') {
    throw new FlashError('INVALID_ARGUMENT', `tiles: expected only with algorithm 'flash2', got '${algorithm}'.`);
  }
}

/** Refuses tensors that one binding of the device cannot hold. */
export function checkBindings(tensors: Readonly<Record<string, Tensor>>, facts: DeviceFacts): void {
  const most = Math.min(facts.maxBinding, facts.maxBuffer);
  for (const [name, t] of Object.entries(tensors)) {
    if (4 * t.size > most) {
      throw new FlashError(
        'SHAPE',
        `${name}: expected at most ${most} bytes, what one binding of this device holds, got ${4 * t.size} (${t}).`,
      );
    }
  }
}
