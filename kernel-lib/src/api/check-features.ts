import { checkSeed } from '../tensor/random';
import type { Tensor } from '../tensor/tensor';
import { checkBoolean, checkTensor, fail } from './checks';
import { describe } from './describe';
import { FlashError } from './errors';
import type { AttentionOptions } from './options';
import type { Band, Dropout, Features, Problem, ScoreOperand } from './problem';

/** Names of the options that change the scores or p. */
export const FEATURE_NAMES = [
  'causal',
  'window',
  'softcap',
  'alibiSlopes',
  'bias',
  'mask',
  'dropout',
  'seed',
] as const satisfies readonly (keyof AttentionOptions)[];

type FeatureOptions = Pick<AttentionOptions, (typeof FEATURE_NAMES)[number]>;

/** The features of a call; `lengths` is how long bias and mask may be along their last two axes. */
export function checkFeatures(
  options: FeatureOptions,
  { B, H, Nq, Nk, dtype }: Pick<Problem, 'B' | 'H' | 'Nq' | 'Nk' | 'dtype'>,
): Omit<Features, 'sequences'> {
  const scores = [B, H, Nq, Nk];
  const bias = options.bias === undefined ? null : checkOperand('bias', options.bias, scores);
  if (bias && bias.dtype !== 'f32' && bias.dtype !== dtype) {
    throw new FlashError('DTYPE', `bias: expected dtype 'f32' or '${dtype}', that of q, got '${bias.dtype}'.`);
  }
  return {
    band: checkBand(options),
    softcap: checkSoftcap(options.softcap),
    alibiSlopes: checkSlopes(options.alibiSlopes, B, H),
    bias,
    mask: options.mask === undefined ? null : checkOperand('mask', options.mask, scores),
    dropout: checkDropout(options),
  };
}

function checkBand({ causal, window }: FeatureOptions): Band {
  const onlyPast = checkBoolean('causal', causal);
  if (window === undefined) return { left: Infinity, right: onlyPast ? 0 : Infinity };
  const good = (n: unknown): boolean => Number.isInteger(n) && (n as number) >= -1;
  if (!Array.isArray(window) || window.length !== 2 || !window.every(good)) {
    fail('window', '[left, right], whole numbers >= -1 (-1 is unbounded)', window);
  }
  const [left, right] = (window as [number, number]).map((n) => (n === -1 ? Infinity : n));
  return { left, right: onlyPast ? 0 : right };
}

function checkSoftcap(softcap: unknown = 0): number {
  if (typeof softcap !== 'number' || !(softcap >= 0 && softcap < Infinity)) {
    fail('softcap', 'a finite number >= 0 (0 is off)', softcap);
  }
  // In float32 a cap this large changes no score, and one this small makes all of them 0; their reciprocals must be numbers, too.
  if (softcap > 1e20) return 0;
  return softcap > 0 ? Math.max(softcap, 1e-30) : 0;
}

const isList = (value: unknown): value is ArrayLike<unknown> =>
  Array.isArray(value) || value instanceof Float32Array || value instanceof Float64Array;

function checkSlopes(slopes: unknown, B: number, H: number): Float32Array | null {
  if (slopes === undefined || slopes === null) return null;
  const expected = `${H} finite numbers, one for each head, or ${B} lists of them`;
  if (!isList(slopes)) fail('alibiSlopes', expected, slopes);
  const perBatch = Array.from(slopes);
  const lists = perBatch.some(isList) ? perBatch : Array.from({ length: B }, () => slopes);
  if (lists.length !== B) fail('alibiSlopes', expected, slopes);
  return Float32Array.from(
    lists.flatMap((list, b) => {
      const numbers = isList(list) ? Array.from(list) : [];
      if (numbers.length !== H) fail(`alibiSlopes[${b}]`, expected, list);
      const odd = numbers.findIndex((n) => typeof n !== 'number' || !Number.isFinite(Math.fround(n * Math.LOG2E)));
      const place = lists === perBatch ? `[${b}][${odd}]` : `[${odd}]`;
      if (odd >= 0) fail(`alibiSlopes${place}`, 'a finite number', numbers[odd]);
      return numbers as number[];
    }),
  );
}

/** Shape and dtype of a tensor that is broadcast to the scores (B,H,Nq,Nk); leading axes may be missing. */
function checkOperand(name: 'bias' | 'mask', given: Tensor, scores: number[]): ScoreOperand {
  checkTensor(name, given);
  const { shape, dtype } = given;
  const full = [...Array<number>(Math.max(0, 4 - shape.length)).fill(1), ...shape];
  if (full.length !== 4 || full.some((n, axis) => n !== 1 && n !== scores[axis])) {
    throw new FlashError(
      'SHAPE',
      `${name}: expected a shape that broadcasts to (${scores.join(',')}), got (${shape.join(',')}).`,
    );
  }
  return { shape: full as unknown as ScoreOperand['shape'], dtype };
}

function checkDropout({ dropout = 0, seed }: FeatureOptions): Dropout | null {
  const given = checkSeed(seed);
  if (typeof dropout !== 'number' || !(dropout >= 0 && dropout < 1)) {
    throw new FlashError('INVALID_ARGUMENT', `dropout: expected a number p, 0 <= p < 1, got ${describe(dropout)}.`);
  }
  return dropout === 0 ? null : { p: dropout, seed: given ?? Math.floor(Math.random() * 2 ** 32) };
}
