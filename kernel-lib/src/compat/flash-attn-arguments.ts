import { type Attended, probabilitiesOf } from '../api/attend';
import { checkBoolean, fail } from '../api/checks';
import type { AttentionOptions } from '../api/options';
import type { Tensor } from '../tensor/tensor';
import { given, type OrNull, pickRun, type RunArguments } from './arguments';

/** Arguments that all functions of flash-attn share, but for its cache. */
export interface FlashAttnArguments extends RunArguments {
  /** Probability that an entry of p is dropped; 0 when not training. Default 0. */
  dropoutP: number;
  /** Factor of q.k before softmax. Default 1/sqrt(D). */
  softmaxScale: number;
  /** Query i sees key j only where j <= i + Nk - Nq (bottom right). Default false. */
  causal: boolean;
  /** [left, right]: query i sees keys i + Nk - Nq - left .. i + Nk - Nq + right; -1 is unbounded, the default. */
  windowSize: readonly [number, number];
  /** s becomes softcap * tanh(s / softcap); 0, the default, and below are off. */
  softcap: number;
  /** (H) or (B,H): -slope * |i + Nk - Nq - j| is added to the scores. */
  alibiSlopes: AttentionOptions['alibiSlopes'] | Float32Array | Tensor;
  /** Nothing changes: the same call always gives the same bits here. */
  deterministic: boolean;
  /** lse is always in the result; together with dropout this adds sDmask, see {@link WithProbabilities}. */
  returnAttnProbs: boolean;
}

const NAMES = [
  ...['dropoutP', 'softmaxScale', 'causal', 'windowSize', 'softcap'],
  ...['alibiSlopes', 'deterministic', 'returnAttnProbs'],
];

/** The original's names of our options, for errors. */
export const FLASH_ATTN_NAMES = { dropout: 'dropoutP', scale: 'softmaxScale', window: 'windowSize' };

/** Arguments beside the shared ones, and the shared ones as options of flash.attention. */
export interface Translated<T> {
  readonly more: Partial<Omit<T, keyof FlashAttnArguments>>;
  readonly options: Omit<AttentionOptions, 'layout'>;
  /** Whether sDmask is asked for, and there is one. */
  readonly probabilities: boolean;
}

/** A result with what returnAttnProbs adds. */
export type WithProbabilities<R> = R & {
  /**
   * (B,H,Nq,Nk) f32, for sequences padded to the longest: p before dropout, negative where it was dropped. Only where there is
   * dropout, as in the original; the caller's to dispose of.
   */
  readonly sDmask?: Tensor;
};

/** Adds sDmask where it is asked for. */
export async function withProbabilities<R extends Attended<unknown>>(
  asked: boolean,
  attended: Promise<R>,
): Promise<WithProbabilities<R>> {
  const result = await attended;
  if (!asked) return result;
  try {
    return Object.assign(result, { sDmask: await probabilitiesOf(result) });
  } catch (error) {
    result.dispose();
    throw error;
  }
}

export function translate<T extends FlashAttnArguments>(
  options: OrNull<T>,
  moreNames: readonly (keyof Omit<T, keyof FlashAttnArguments> & string)[] = [],
): Translated<T> {
  const all = given<T>(options, [...NAMES, ...moreNames]);
  const { dropoutP, softmaxScale, causal, windowSize, softcap, alibiSlopes } = all;
  checkBoolean('deterministic', all.deterministic);
  const probabilities = checkBoolean('returnAttnProbs', all.returnAttnProbs) === true && Number(dropoutP) > 0;
  return {
    probabilities,
    more: Object.fromEntries(
      moreNames.filter((name) => name in all).map((name) => [name, all[name]]),
    ) as Translated<T>['more'],
    options: {
      ...pickRun(all),
      ...{ dropout: dropoutP, scale: softmaxScale, causal, window: windowSize },
      softcap: activeSoftcap(softcap),
      alibiSlopes: alibiSlopes as AttentionOptions['alibiSlopes'],
    },
  };
}

/** The original switches softcap off by 0 and by negative numbers alike. */
export const activeSoftcap = (softcap: number | undefined): number | undefined =>
  typeof softcap === 'number' ? Math.max(0, softcap) : softcap;

/** The longest sequence as the caller tells it, which is only checked: it follows from the offsets. */
export function checkLongest(name: string, value: unknown, longest: number): void {
  if (value === undefined) return;
  if (!Number.isInteger(value) || (value as number) < longest) {
    fail(name, `a whole number, at least the longest length ${longest}`, value);
  }
}
