import { exercise } from '../../src/course';
import type { AnyDefinition } from '../../src/course/definition';
import { zh } from '../../src/course/zh';
import { messages } from '../../src/course/zh/messages';
import { onEachAdapter } from '../support/devices';
import { allExercises as all, expectRejected } from '../support/planted-mistakes';

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
  const said = new Set([...all.flatMap(([, definition]) => textsOf(definition)), ...Object.keys(messages)]);
  expect(Object.keys(zh).filter((text) => !said.has(text))).toEqual([]);
});

// Those of functions need no GPU; they are tried with the lessons, see scripts/course.
onEachAdapter('known mistakes in WGSL', () => {
  const inWgsl = all.flatMap(([name, { mistakes }]) =>
    mistakes.flatMap((mistake, n) => (typeof mistake.answer === 'string' ? [[name, n, mistake] as const] : [])),
  );

  test.each(inWgsl)('%s: number %i is found out', async (name, _n, mistake) => expectRejected(name, mistake));
});
