import { describe } from '../api/describe';
import { FlashError } from '../api/errors';
import { Exercise } from './exercise';
import type { AnyDefinition, Definition } from './definition';
import { definitions } from './exercises';
import { translator, type Catalogue, type Language } from './translate';
import { zh } from './zh';

export { ExerciseError, type Exercise } from './exercise';
export type { Language } from './translate';

type Definitions = typeof definitions;

/** Names of the exercises of the course. */
export type ExerciseName = keyof Definitions;

type ExerciseOf<D> = D extends Definition<infer A, infer I, infer O> ? Exercise<A, I, O> : never;

const CATALOGUES: Readonly<Record<Language, Catalogue>> = { en: {}, zh };

/** Those that were asked for, so that hints go on where they were. */
const known = new Map<string, Exercise<unknown>>();

/**
 * An exercise of the course by its name.
 * @throws FlashError INVALID_ARGUMENT
 * @example
 * await flash.exercise('safe-softmax').check((x) => x.map(() => 1 / x.length));
 */
export function exercise<K extends ExerciseName>(name: K, language: Language = 'en'): ExerciseOf<Definitions[K]> {
  const definition = Object.hasOwn(definitions, name) ? (definitions[name] as unknown as AnyDefinition) : undefined;
  if (!definition) {
    const names = Object.keys(definitions).join(', ');
    throw new FlashError('INVALID_ARGUMENT', `name: expected one of ${names}, got ${describe(name)}.`);
  }
  const key = `${language} ${name}`;
  let found = known.get(key);
  if (!found) known.set(key, (found = new Exercise(name, definition, translator(CATALOGUES[language]))));
  return found as unknown as ExerciseOf<Definitions[K]>;
}
