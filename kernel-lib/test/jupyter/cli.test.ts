import { existsSync, mkdtempSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { cli } from '../../src/node/cli';
import { kernelspec, kernelspecFolder, removeKernelspec } from '../../src/node/cli/kernelspec';
import { jsonLines } from '../../src/node/cli/print';

const folder = mkdtempSync(path.join(tmpdir(), 'flashlab cli '));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the command line', () => {
  test.each([
    [['--help'], 0, 'usage: flashlab'],
    [['check', '--help'], 0, 'usage: flashlab'],
    [['--version'], 0, '0.'],
  ])('%j answers', async (args, code, text) => {
    expect(await cli(args)).toMatchObject({ code, text: expect.stringContaining(text) as string });
  });

  test.each([
    [[], 'usage: flashlab'],
    [['frob'], 'unknown command frob'],
    [['check', '--frob'], "Unknown option '--frob'"],
    [['install', 'extra'], "Unexpected argument 'extra'"],
    [['install', '--user', '--prefix', 'x'], 'exclude each other'],
    [['install', '--prefix'], '--prefix'],
    [['check', '--seed', 'x'], '--seed'],
    [['bench', '--seqs', '64,x'], '--seqs: expected a whole number, got x'],
    [['bench', '--dtype', 'f64'], 'dtype'],
    [['bench', '--masks', 'full,none'], '--masks: expected full or causal, got none'],
    [['bench', '--compare', 'no-such-file'], '--compare: expected a file that bench --json wrote, got no-such-file'],
    [['bench', '--dim', '4,8', '--figure', 'x.svg'], '--figure shows one head size'],
    [['check', '--algorithms', 'flash3'], 'algorithms: expected a list of flash2, flash1, naive, reference'],
    [['check', 'no such case'], 'filter'],
    [['course'], 'course needs one folder'],
  ])('%j is refused with exit code 2', async (args, message) => {
    const { code, text, errors } = await cli(args);
    expect({ code, text }).toEqual({ code: 2, text: '' });
    expect(errors).toContain(message);
  });

  test('JSON lines keep what JSON cannot say', () => {
    expect(jsonLines([{ a: 1 }, { error: Infinity, b: NaN }])).toBe('{"a":1}\n{"error":"Infinity","b":"NaN"}\n');
  });
});

test('bench is compared with an earlier run', async () => {
  const args = [
    'bench',
    '--seqs',
    '16',
    '--heads',
    '1',
    '--dim',
    '4,8',
    '--algorithms',
    'flash2',
    '--json',
    '--masks',
    'full,causal',
  ];
  const { text, code } = await cli(args);
  expect(code).toBe(0);
  const rows = text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(rows.map(({ dim, causal, pass }) => [dim, causal, pass])).toEqual(
    [4, 8].flatMap((dim) =>
      [false, true].flatMap((causal) => ['forward', 'backward', 'both'].map((pass) => [dim, causal, pass])),
    ),
  );
  const file = path.join(folder, 'before.json');
  // A second each, and nothing about the other head size.
  writeFileSync(
    file,
    rows
      .slice(0, 3)
      .map((row) => `${JSON.stringify({ ...row, ms: 1000 })}\n`)
      .join(''),
  );
  const figure = path.join(folder, 'figure.svg');
  await cli(['bench', '--seqs', '16,32', '--heads', '1', '--dim', '4', '--algorithms', 'flash2', '--figure', figure]);
  expect(readFileSync(figure, 'utf8')).toMatch(/^<svg[\s\S]*<\/svg>\n$/);
  const after = (await cli([...args, '--compare', file])).text.trim().split('\n');
  const compared = after.map((line) => JSON.parse(line) as { ms: number; beforeMs?: number; speedup?: number });
  for (const { ms, beforeMs, speedup } of compared.slice(0, 3)) expect([beforeMs, speedup]).toEqual([1000, 1000 / ms]);
  for (const { beforeMs } of compared.slice(3)) expect(beforeMs).toBeUndefined();
});

describe('the course', () => {
  const names = (at: string): string[] => readdirSync(path.join(folder, at));

  test('is copied into a new folder, or an empty one', async () => {
    mkdirSync(path.join(folder, 'class'));
    for (const at of ['new', 'class']) {
      expect(await cli(['course', path.join(folder, at)])).toMatchObject({ code: 0 });
      expect(names(at)).toEqual(expect.arrayContaining(['00-quickstart.ipynb', 'data', 'solutions']));
    }
    expect(readdirSync(folder).filter((name) => name.includes('-new-'))).toEqual([]);
  });

  test('can come without its solutions', async () => {
    const { text } = await cli(['course', path.join(folder, 'bare'), '--no-solutions', '--json']);
    expect(JSON.parse(text)).toMatchObject({ folder: path.join(folder, 'bare'), solutions: false });
    expect(names('bare')).not.toContain('solutions');
    expect(names('bare')).toContain('00-quickstart.ipynb');
  });

  test('overwrites nothing', async () => {
    mkdirSync(path.join(folder, 'full'));
    writeFileSync(path.join(folder, 'full', '00-quickstart.ipynb'), 'mine');
    const { code, errors } = await cli(['course', path.join(folder, 'full')]);
    expect({ code, errors }).toEqual({ code: 1, errors: expect.stringContaining('nothing was changed') as string });
    expect(readFileSync(path.join(folder, 'full', '00-quickstart.ipynb'), 'utf8')).toBe('mine');
  });
});

describe('the kernelspec', () => {
  const prefix = path.join(folder, 'prefix');
  const spec = path.join(prefix, 'share', 'jupyter', 'kernels', 'flashlab');

  test('is written whole, replaced, and removed', async () => {
    for (let i = 0; i < 2; i++) expect(await cli(['install', '--prefix', prefix])).toMatchObject({ code: 0 });
    expect(readdirSync(path.dirname(spec))).toEqual(['flashlab']);
    expect(readdirSync(spec).sort()).toEqual(['kernel.json', 'logo-svg.svg']);
    const { argv, language } = JSON.parse(readFileSync(path.join(spec, 'kernel.json'), 'utf8')) as {
      argv: string[];
      language: string;
    };
    expect(language).toBe('typescript');
    expect(argv[0]).toBe(process.execPath);
    expect(argv.at(-1)).toBe('{connection_file}');
    expect(existsSync(argv.at(-2)!)).toBe(true);
    const removed = await cli(['uninstall', '--prefix', prefix, '--json']);
    expect(JSON.parse(removed.text)).toEqual({ kernel: 'flashlab', status: 'removed', folder: spec });
    expect(existsSync(spec)).toBe(false);
    expect(await cli(['uninstall', '--prefix', prefix])).toMatchObject({ code: 1 });
  });

  test('of another kernel is left alone', () => {
    const other = path.join(folder, 'other');
    mkdirSync(other);
    writeFileSync(path.join(other, 'kernel.json'), JSON.stringify({ argv: ['python'] }));
    expect(() => removeKernelspec(other)).toThrow('left alone');
    expect(existsSync(other)).toBe(true);
  });

  test('interrupts by signal where there are signals', () => {
    expect(kernelspec('linux')).toMatchObject({ interrupt_mode: 'signal' });
    expect(kernelspec('win32')).toMatchObject({ interrupt_mode: 'message' });
  });

  test('goes where Jupyter looks', () => {
    const tail = path.join('kernels', 'flashlab');
    expect(kernelspecFolder({ kind: 'user' }, { JUPYTER_DATA_DIR: '/data' })).toBe(path.join('/data', tail));
    expect(kernelspecFolder({ kind: 'sys-prefix' }, { VIRTUAL_ENV: '/venv' })).toBe(
      path.join('/venv', 'share', 'jupyter', tail),
    );
    expect(() => kernelspecFolder({ kind: 'sys-prefix' }, { PATH: folder })).toThrow('--prefix');
  });
});
