import type { TranslationBundle } from '@jupyterlab/translation';
import type { Algorithm } from './player-run';
import type { Course, Moment, Range } from './player-state';

/** More numbers than this make no sentence. */
const MOST_LISTED = 6;

export const ALGORITHMS: Readonly<Record<Algorithm, string>> = {
  flash1: 'FlashAttention-1',
  flash2: 'FlashAttention-2',
};

/** A number of three digits at most that fits a small cell. */
export function numberText(x: number): string {
  if (Number.isNaN(x)) return 'NaN';
  const size = Math.abs(x);
  const text =
    size === Infinity
      ? '∞'
      : size !== 0 && (size < 1e-3 || size >= 1e5)
        ? size.toExponential(1).replace('e+', 'e').replace('e-', 'e−')
        : Number.isInteger(size) || size >= 100
          ? String(Math.round(size))
          : size.toPrecision(3);
  return x < 0 ? `−${text}` : text;
}

/** 4–5, or 4 alone. */
export function rangeText({ begin, end }: Range): string {
  return end - begin > 1 ? `${begin}–${end - 1}` : String(begin);
}

export function loopWords(trans: TranslationBundle, algorithm: Algorithm): string {
  return algorithm === 'flash1'
    ? trans.__(
        'Outer loop over key tiles j, inner loop over query tiles i: K and V stay on chip, while Q, O, m and l of every query tile are loaded, and O, m and l stored again, once for each j.',
      )
    : trans.__(
        'Outer loop over query tiles i, inner loop over key tiles j: Q, O, m and l stay on chip until their row of tiles is done, while K and V pass by once for each i.',
      );
}

export function outputWords(trans: TranslationBundle, algorithm: Algorithm): string {
  return algorithm === 'flash1'
    ? trans.__('O is a mean at all times: the output over the keys so far.')
    : trans.__('O is a sum that is not normalised: it is divided by l once, at the end.');
}

export function stepWords(trans: TranslationBundle, { walk }: Course, { index, queries, keys }: Moment): string {
  return trans.__(
    'Step %1 of %2: queries %3 meet keys %4.',
    index + 1,
    walk.steps.length,
    rangeText(queries),
    rangeText(keys),
  );
}

/** What a step did to m, l and O. */
export function changeWords(trans: TranslationBundle, course: Course, moment: Moment): string {
  const flash1 = course.algorithm === 'flash1';
  const words = [begun(trans, moment), scaled(trans, moment, flash1), flash1 ? shrunk(trans, moment) : ''];
  words.push(unmoved(trans, moment));
  if (moment.last) words.push(finished(trans, course, moment));
  return words.filter((word) => word !== '').join(' ');
}

/** Rows that saw no key before, as a window may have it, while others of their tile did. */
const beginning = ({ step, before }: Moment): number[] =>
  rows(step.m, (r) => step.m[r] !== -Infinity && before.m[r] === -Infinity);

function begun(trans: TranslationBundle, moment: Moment): string {
  if (moment.first) return trans.__('These queries meet their first keys: m, l and O begin here.');
  const begin = beginning(moment).length;
  const all = moment.step.m.length;
  return begin === 0
    ? ''
    : trans.__('%1 of %2 queries meet their first keys: their m, l and O begin here.', begin, all);
}

/** What was there before shrinks where a larger score came. */
function scaled(trans: TranslationBundle, moment: Moment, flash1: boolean): string {
  const { step, before, first } = moment;
  if (first) return '';
  const rose = rows(step.m, (r) => step.m[r] > before.m[r] && before.m[r] !== -Infinity);
  if (rose.length === 0) {
    // Nothing had been summed up where all begin.
    if (before.m.every((m) => m === -Infinity)) return '';
    return trans.__('No row maximum rose, so what was summed up keeps its scale and the new keys are added to it.');
  }
  const factors = listed(rose.map((r) => step.oldWeight[r]));
  return flash1
    ? trans.__(
        '%1 of %2 row maxima rose; the old l, and with it the old O’s share of the mean, is scaled by exp(m_old − m_new) = %3.',
        ...[rose.length, step.m.length, factors],
      )
    : trans.__(
        '%1 of %2 row maxima rose; what was summed up is scaled by exp(m_old − m_new) = %3.',
        ...[rose.length, step.m.length, factors],
      );
}

/** In FlashAttention-1 P has the maximum of its tile, which may be less than m. */
function shrunk(trans: TranslationBundle, { step, s }: Moment): string {
  const weights = step.newWeight ?? [];
  const below = rows(step.m, (r) => weights[r] < 1 && isSeen(s[r]));
  if (below.length === 0) return '';
  return trans.__(
    'In %1 of %2 rows the tile’s own maximum is below m; what the tile adds is scaled by exp(max S − m) = %3.',
    ...[below.length, step.m.length, listed(below.map((r) => weights[r]))],
  );
}

function unmoved(trans: TranslationBundle, { step, s }: Moment): string {
  const blind = rows(step.m, (r) => !isSeen(s[r])).length;
  if (blind === 0) return '';
  return trans.__('%1 of %2 queries see none of these keys and stay as they are.', blind, step.m.length);
}

function finished(trans: TranslationBundle, { algorithm, walk }: Course, { queries, index }: Moment): string {
  const who = rangeText(queries);
  if (algorithm === 'flash2') {
    return trans.__(
      'These were the last keys for queries %1: O is divided by l and stored as out, with lse = m + log(l).',
      who,
    );
  }
  const done = trans.__('These were the last keys for queries %1: O is out.', who);
  if (index < walk.steps.length - 1) return done;
  return `${done} ${trans.__('After the last tile m and l are loaded once more, and lse = m + log(l) is stored.')}`;
}

const isSeen = (scores: readonly number[]): boolean => scores.some((x) => x !== -Infinity);

const rows = (all: readonly number[], holds: (r: number) => boolean): number[] => [...all.keys()].filter(holds);

function listed(numbers: readonly number[]): string {
  const shown = numbers.slice(0, MOST_LISTED).map(numberText).join(', ');
  return numbers.length > MOST_LISTED ? `${shown}, …` : shown;
}
