import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { init } from '../../kernel-lib/src/node';
import { textTable } from '../../kernel-lib/src/plots/table';
import { allExercises, expectRejected } from '../../kernel-lib/test/support/planted-mistakes';
import { pathsOf } from '../setup/paths.mjs';
import { brokenLinks, exercisesOf, lessonsIn, read, textOf, withoutComments } from './notebooks';

const root = path.resolve(__dirname, '..', '..');
const lessons = lessonsIn();

/** What the test saw, for the table at its end. */
const rows: (string | number)[][] = [];

/** Runs a lesson with its solutions through Jupyter; rejects with what went wrong. */
async function run(lesson: string): Promise<{ cells: number; seconds: number; exercises: string[] }> {
  const script = path.join(__dirname, 'run.py');
  const env = { ...process.env, FLASH_HISTORY: 'off' };
  const limits = { timeout: 290_000, killSignal: 'SIGINT' } as const;
  const command = promisify(execFile)(pathsOf(root).venvPython, [script, lesson.slice(0, 2)], { env, ...limits });
  const { stdout, stderr } = await command.catch((error: { stdout: string; stderr: string }) => error);
  if (!stdout) throw new Error(stderr || `${lesson} took too long`);
  const told = JSON.parse(stdout) as {
    ok: boolean;
    error: string;
    cells: number;
    seconds: number;
    exercises: string[];
  };
  if (!told.ok) throw new Error(told.error);
  return told;
}

test('the course has lessons 00 to 10, and every exercise is in one of them', () => {
  expect(lessons.map((name) => name.slice(0, 2))).toEqual(
    Array.from({ length: 11 }, (_, n) => String(n).padStart(2, '0')),
  );
  expect(lessons.flatMap((name) => exercisesOf(read(name)))).toEqual(allExercises.map(([name]) => name));
});

test('the Chinese course has the same lessons', () => {
  expect(lessonsIn('zh')).toEqual(lessons);
});

describe.each(lessons)('%s', (lesson) => {
  const { cells } = read(lesson);
  const code = cells.filter(({ cell_type }) => cell_type === 'code');

  test('says its goal, its time and what it needs, and links to what is there', () => {
    for (const word of ['Goal', 'Time', 'Needs']) expect(textOf(cells[0])).toContain(`**${word}.**`);
    expect(brokenLinks(lesson)).toEqual([]);
  });

  test('has no outputs', () => {
    expect(code.filter(({ outputs, execution_count }) => outputs?.length || execution_count)).toEqual([]);
  });

  test('has three to eight exercises, each a stub and below it its check, marked for nbgrader', () => {
    const names = exercisesOf(read(lesson));
    expect(names.length).toBeGreaterThanOrEqual(3);
    expect(names.length).toBeLessThanOrEqual(8);
    for (const name of names) {
      const at = code.findIndex(({ metadata }) => metadata.nbgrader?.grade_id === name);
      const [stub, check] = [code[at], code[at + 1]];
      const mark = { schema_version: 3, task: false };
      expect(textOf(stub)).toMatch(/not done yet|TODO/);
      expect(stub.metadata.nbgrader).toEqual({ ...mark, grade_id: name, grade: false, solution: true, locked: false });
      expect(textOf(check)).toMatch(new RegExp(`^await flash\\.exercise\\('${name}'\\)\\.check\\(\\w+\\);?$`));
      const points = expect.any(Number) as number;
      const graded = { ...mark, grade_id: `${name}-check`, grade: true, solution: false, locked: true, points };
      expect(check.metadata.nbgrader).toEqual(graded);
    }
  });

  test('is the same in Chinese, comments aside', () => {
    const zh = read(`zh/${lesson}`);
    for (const word of ['目标', '时间', '预备知识']) expect(textOf(zh.cells[0])).toContain(`**${word}。**`);
    expect(zh.cells.map(({ id, cell_type, metadata }) => ({ id, cell_type, metadata }))).toEqual(
      cells.map(({ id, cell_type, metadata }) => ({ id, cell_type, metadata })),
    );
    cells.forEach((cell, n) => {
      if (cell.cell_type === 'code') {
        expect(withoutComments(textOf(zh.cells[n]))).toEqual(withoutComments(textOf(cell)));
      } else expect(textOf(zh.cells[n])).toMatch(/\p{Script=Han}/u);
    });
    expect(brokenLinks(`zh/${lesson}`)).toEqual([]);
  });

  test('runs whole with its solutions, and its planted mistakes are found out', async () => {
    const { cells, seconds, exercises } = await run(lesson);
    expect(cells).toBe(code.length);
    await init();
    const planted = allExercises.filter(([name]) => exercises.includes(name));
    const mistakes = planted.flatMap(([name, { mistakes }]) => mistakes.map((mistake) => ({ name, mistake })));
    for (const { name, mistake } of mistakes) await expectRejected(name, mistake);
    rows.push([lesson, cells, seconds, planted.length, mistakes.length]);
  }, 300_000);
});

afterAll(() => {
  const seconds = rows.reduce((sum, row) => sum + Number(row[2]), 0);
  const header = ['notebook', 'cells', 'seconds', 'exercises', 'mistakes rejected'];
  const all = [...rows, ['all', '', seconds.toFixed(1), '', '']].map((row) => row.map(String));
  process.stdout.write(`${textTable({ header, rows: all, numeric: [1, 2, 3, 4] })}\n`);
});
