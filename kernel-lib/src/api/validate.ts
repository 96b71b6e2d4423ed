import { shapeOf } from '../tensor/layout';
import type { Tensor } from '../tensor/tensor';
import { FEATURE_NAMES, checkFeatures } from './check-features';
import { checkNames, checkRunOptions, checkSameDtype, checkShape, checkTensor, fail, oneOf } from './checks';
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

/** Options that every call of attention takes. */
export const OPTION_NAMES = ['scale', ...FEATURE_NAMES, 'algorithm', 'tiles', 'signal', 'onProgress'] as const;

const ATTENTION_OPTIONS = [...OPTION_NAMES, 'layout'] as const;
const LAYOUTS = ['bhnd', 'bnhd'] as const;
const ALGORITHMS = ['flash2', 'flash1', 'naive', 'reference'] as const;

type Sizes = Pick<Problem, 'B' | 'H' | 'Hk' | 'Nq' | 'Nk' | 'D' | 'Dv'>;

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

export function checkFilled(name: string, { shape }: Tensor): void {
  if (shape.some((n) => n < 1)) {
    throw new FlashError('SHAPE', `${name}: expected every axis to be at least 1, got (${shape.join(',')}).`);
  }
}

/** Shapes of q, k and v against each other. */
function checkShapes(q: Tensor, k: Tensor, v: Tensor, layout: Layout): Sizes {
  checkFilled('q', q);
  checkFilled('k', k);
  checkFilled('v', v);
  const { B, heads: H, N: Nq, width: D } = axes(q, layout);
  const { heads: Hk, N: Nk } = axes(k, layout);
  const { width: Dv } = axes(v, layout);
  checkShape('k', k, shapeOf(layout, B, Hk, Nk, D), `(batch ${B} and head size ${D} of q)`);
  checkShape('v', v, shapeOf(layout, B, Hk, Nk, Dv), `(batch, heads and length of k)`);
  return { B, H, Hk, Nq, Nk, D, Dv };
}

/** What the arguments are called that hold q, k and v. */
export interface Names {
  readonly q: string;
  readonly k: string;
  readonly v: string;
}

/** What head counts and head sizes must be in every kind of call. */
function checkHeads({ H, Hk, D, Dv }: Pick<Sizes, 'H' | 'Hk' | 'D' | 'Dv'>, names: Names): void {
  if (H % Hk !== 0) {
    throw new FlashError(
      'SHAPE',
      `${names.k}: expected a number of heads that divides the ${H} heads of q, got ${Hk}.`,
    );
  }
  checkWidth(names.q, D);
  checkWidth(names.v, Dv);
}

function checkWidth(name: string, width: number): void {
  if (width > MAX_HEAD_SIZE) {
    throw new FlashError('SHAPE', `${name}: expected a head size of at most ${MAX_HEAD_SIZE}, got ${width}.`);
  }
}

/** The one dtype of q, k and v, or whatever else the arguments are called. */
export function checkDtypes(tensors: Readonly<Record<string, Tensor>>): 'f32' | 'f16' {
  const [first] = Object.keys(tensors);
  const { dtype } = tensors[first];
  if (dtype !== 'f32' && dtype !== 'f16') {
    throw new FlashError('DTYPE', `${first}: expected dtype 'f32' or 'f16', got '${dtype}'.`);
  }
  for (const [name, t] of Object.entries(tensors)) checkSameDtype(name, t, dtype, first);
  return dtype;
}

/** Checks everything about a call that can be checked without a device. */
export function checkAttention(q: unknown, k: unknown, v: unknown, options: AttentionOptions): CheckedCall {
  checkNames(options, ATTENTION_OPTIONS);
  const layout = oneOf('layout', LAYOUTS, options.layout, 'bhnd');
  checkTensor('q', q, 4);
  checkTensor('k', k, 4);
  checkTensor('v', v, 4);
  const dtype = checkDtypes({ q, k, v });
  const sizes = checkShapes(q, k, v, layout);
  // Here and below: V8 takes microseconds for what is added behind a spread, and none for what stands before.
  return checkCall(options, { layout, dtype, packing: 'none', sequences: null, ...sizes });
}

/** Checks the options of a call whose tensors are known to be good. */
export function checkCall(
  options: Omit<AttentionOptions, 'layout'>,
  shape: Sizes & Pick<Problem, 'layout' | 'dtype' | 'packing' | 'sequences'>,
  names: Names = { q: 'q', k: 'k', v: 'v' },
): CheckedCall {
  checkHeads(shape, names);
  const { scale = 1 / Math.sqrt(shape.D), tiles } = options;
  // The kernels fold log2(e) into it, so that much must fit a float32, too.
  if (typeof scale !== 'number' || !Number.isFinite(Math.fround(scale * Math.LOG2E))) {
    fail('scale', 'a finite number (below 2.3e38)', scale);
  }
  const algorithm = oneOf('algorithm', ALGORITHMS, options.algorithm, 'flash2');
  if (tiles !== undefined) checkTiles(tiles);
  checkRunOptions(options);
  const problem = { scale, ...shape, ...checkFeatures(options, shape) };
  return {
    problem,
    algorithm,
    tiles: tiles ? { br: tiles.br, bc: tiles.bc } : null,
    signal: options.signal,
    onProgress: options.onProgress,
  };
}

function checkTiles(tiles: unknown): void {
  if (typeof tiles !== 'object' || tiles === null) fail('tiles', '{ br, bc }', tiles);
  for (const name of ['br', 'bc'] as const) {
    const value = (tiles as Record<string, unknown>)[name];
    if (!Number.isInteger(value) || (value as number) < 1 || (value as number) > 1024) {
      fail(`tiles.${name}`, 'a whole number from 1 to 1024', value);
    }
  }
}
