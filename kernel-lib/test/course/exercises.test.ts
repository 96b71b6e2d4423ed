import { exercise, ExerciseError, type Exercise, type ExerciseName } from '../../src/course';
import type { AnyDefinition } from '../../src/course/definition';
import { definitions } from '../../src/course/exercises';
import { zh } from '../../src/course/zh';
import { onEachAdapter } from '../support/devices';

const all = Object.entries(definitions) as unknown as [ExerciseName, AnyDefinition][];

const textsOf = ({ spec, hints, mistakes }: AnyDefinition): string[] => [
  spec,
  ...hints,
  ...mistakes.map(({ hint }) => hint),
];

describe.each(all)('exercise %s', (name, definition) => {
  test('has twenty hidden inputs or more, all different, and three known mistakes or more', () => {
    expect(definition.cases.length).toBeGreaterThanOrEqual(20);
    expect(new Set(definition.cases.map(({ input }) => JSON.stringify(input))).size).toBe(definition.cases.length);
    expect(definition.mistakes.length).toBeGreaterThanOrEqual(3);
    expect(definition.hints.length).toBeGreaterThanOrEqual(2);
  });

  test('is Chinese as well', () => {
    expect(textsOf(definition).filter((text) => !(text in zh))).toEqual([]);
  });

  test('says its spec in one line that begins with a name', () => {
    expect(exercise(name).spec).toMatch(/^[a-zA-Z0-9]+(\(.*\))?: .*\.$/);
    expect(exercise(name).spec).not.toContain('\n');
  });
});

test('the Chinese has no text that no exercise says', () => {
  const said = new Set(all.flatMap(([, definition]) => textsOf(definition)));
  const texts = Object.keys(zh).filter((text) => !said.has(text));
  // What is left is what every exercise says.
  expect(texts.filter((text) => text.length > 60)).toEqual([]);
});

onEachAdapter('known mistakes', () => {
  const cases = all.flatMap(([name, { mistakes }]) => mistakes.map((mistake, n) => [name, n, mistake] as const));

  test.each(cases)('%s: number %i is found out', async (name, _n, { answer, hint }) => {
    const asked = exercise(name) as unknown as Exercise<unknown>;
    const error: unknown = await asked.check(answer).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ExerciseError);
    expect((error as ExerciseError).message).toContain(hint);
  });
});
