import { functionExercise, wgslExercise } from '../../src/course/definition';
import { exercise, ExerciseError } from '../../src/course';
import { Exercise } from '../../src/course/exercise';
import { translator } from '../../src/course/translate';
import { zh } from '../../src/course/zh';
import { tensor } from '../../src/tensor/tensor';

type Sums = { total: number; running: number[] };

const sums = (x: number[], add: (a: number, b: number) => number = (a, b) => a + b): Sums => {
  const running = x.map((_, n) => x.slice(0, n + 1).reduce(add, 0));
  return { total: running.at(-1) ?? 0, running };
};

const definition = functionExercise<[x: number[]], Sums>({
  spec: 'sums(x): all sums.',
  hints: ['first', 'last'],
  cases: [[], [1], [1, 2, 3], [-1, 5]].map((x) => ({ label: `N = ${x.length}`, input: [x] })),
  expected: (x) => sums(x),
  mistakes: [
    { answer: (x) => sums(x, (a, b) => a - b), hint: 'subtracted' },
    { answer: (x) => ({ ...sums(x), total: x.length === 0 ? NaN : sums(x).total }), hint: 'nothing gives NaN' },
    { answer: (x) => ({ ...sums(x), total: x[0] }), hint: 'only the first' },
  ],
});

const made = (language: Readonly<Record<string, string>> = {}) =>
  new Exercise('sums', definition, translator(language));

/** What a check rejects with. */
async function complaint(answer: unknown, asked = made()): Promise<ExerciseError> {
  const error: unknown = await asked.check(answer as never).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(ExerciseError);
  return error as ExerciseError;
}

describe('an exercise', () => {
  let said: string[];
  beforeEach(() => {
    said = [];
    for (const name of ['log', 'warn'] as const)
      jest
        .spyOn(console, name)
        .mockImplementation((...texts: unknown[]) => void said.push(`${name}: ${texts.join(' ')}`));
  });
  afterEach(() => jest.restoreAllMocks());

  test('tells that an answer is right, synchronous or not, in lists, typed arrays and tensors', async () => {
    await made().check((x) => sums(x));
    await made().check(async (x) => Promise.resolve(sums(x)));
    await made().check(((x: number[]) => ({ ...sums(x), running: Float64Array.from(sums(x).running) })) as never);
    const tensors = (x: number[]): object => {
      const { total, running } = sums(x);
      return { total: [total], running: tensor(running, [running.length]), more: 'is ignored' };
    };
    await complaint(tensors); // a list of one number is not a number
    await made().check(((x: number[]) => ({ ...tensors(x), total: sums(x).total })) as never);
    expect(said).toEqual(Array(4).fill('log: ✓ sums: right on all 4 hidden inputs.'));
  });

  test('says for which input, where, what was expected, what came and how far off it may be', async () => {
    const { message } = await complaint((x: number[]) => ({ ...sums(x), running: x.map(() => 7) }));
    expect(message).toMatch(
      /^sums: right on 1 of 4 hidden inputs\.\nThe first one that is wrong: N = 1\.\n1 of 2 numbers differ:\n/,
    );
    expect(message).toMatch(/running +\[0\] +1 +7 +4\.000000e-6/);
    expect(message).toMatch(/More help: flash\.exercise\('sums'\)\.hint\(\)$/);
  });

  test('knows a mistake by what it gives, NaN included', async () => {
    expect((await complaint((x: number[]) => sums(x.map((each) => -each)))).message).toMatch(
      /Looks like this: subtracted$/,
    );
    const empty = (x: number[]): Sums => ({ ...sums(x), total: x.length === 0 ? NaN : sums(x).total });
    expect((await complaint(empty)).message).toMatch(/NaN[^]*Looks like this: nothing gives NaN$/);
  });

  test('takes the first list to be changed for a copy', async () => {
    await made().check((x) => {
      const result = sums(x);
      x.fill(0);
      return result;
    });
    expect(said).toHaveLength(1);
  });

  test.each([
    [() => 1, 'Expected as result: numbers, got 1.'],
    [() => undefined, 'Expected as result: numbers, got undefined.'],
    [(x: number[]) => ({ running: x }), 'Expected as total: numbers, got undefined.'],
    [(x: number[]) => ({ ...sums(x), total: '3' }), "Expected as total: numbers, got '3'."],
    [(x: number[]) => ({ ...sums(x), total: Promise.resolve(3) }), 'Expected as total: numbers, got a Promise.'],
    [
      (x: number[]) => ({ ...sums(x), running: [[1], [1, 2]] }),
      'Expected as running[1]: numbers, got 2 (running[0]: 1).',
    ],
    [(x: number[]) => ({ ...sums(x), running: [, 1] }), 'Expected as running[0]: numbers, got undefined.'],
    [(x: number[]) => ({ ...sums(x), running: [...x, 1] }), 'Expected as running: shape (0), got shape (1).'],
  ])('says what is no result', async (answer, text) => {
    expect((await complaint(answer)).message).toContain(text);
  });

  test('follows only what was asked for, and shows exact numbers whole', async () => {
    const loop: Record<string, unknown> = {};
    loop.self = loop;
    await made().check(((x: number[]) => ({ ...sums(x), loop })) as never);
    const huge = functionExercise<[n: number], number>({
      ...{ spec: 'huge(n): n.', hints: ['a', 'b'], mistakes: [], tolerance: 'exact' },
      cases: [{ label: 'n', input: [1099511627776] }],
      expected: (n) => n,
    });
    const { message } = await complaint((n: number) => n - 1, new Exercise('huge', huge, translator({})) as never);
    expect(message).toMatch(/1099511627776 +1099511627775 +0\n/);
  });

  test('keeps the error that an answer throws', async () => {
    const reason = new RangeError('mine');
    const error = await complaint(() => {
      throw reason;
    });
    expect(error.message).toContain('There it threw an error, see below.');
    expect(error.cause).toBe(reason);
  });

  test('does not take an interrupt for an answer', async () => {
    const reason = Object.assign(new Error('stop'), { name: 'Interrupted' });
    await expect(made().check(() => Promise.reject(reason))).rejects.toBe(reason);
  });

  test('warns where nothing was written yet', async () => {
    await made().check(() => {
      throw new Error('not done yet');
    });
    const wgsl = wgslExercise({ ...definition, mistakes: [], run: (code, x) => (/right/.test(code) ? sums(x) : 0) });
    const asked = new Exercise('w', wgsl, translator({}));
    await asked.check('fn main() { /* TODO */ }');
    await asked.check('fn main() { /* TODO: */ right }'); // a comment of the stub may stay
    expect(said).toEqual([
      "warn: sums is not done yet. Write it in the cell above; flash.exercise('sums').hint() helps.",
      "warn: w is not done yet. Write it in the cell above; flash.exercise('w').hint() helps.",
      'log: ✓ w: right on all 4 hidden inputs.',
    ]);
  });

  test('gives its hints one by one', () => {
    const asked = made();
    for (let n = 0; n < 3; n++) asked.hint();
    expect(said).toEqual(['log: Hint 1 of 2: first', 'log: Hint 2 of 2: last', 'log: Hint 2 of 2: last']);
  });

  test('speaks Chinese', async () => {
    expect((await complaint(() => 1, made(zh))).message).toMatch(/^sums：4 组隐藏输入中有 0 组正确。/);
  });
});

test('an unknown exercise is refused with the names that there are', () => {
  expect(() => exercise('no-such' as never)).toThrow(/expected one of attention-row, .*, got 'no-such'/);
});

test('hints go on where they were when the exercise is asked for again', () => {
  expect(exercise('safe-softmax')).toBe(exercise('safe-softmax'));
  expect(exercise('safe-softmax', 'zh').spec).toMatch(/\p{Script=Han}/u);
});
