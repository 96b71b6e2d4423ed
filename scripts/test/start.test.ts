import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { readArguments } from '../start/arguments.mjs';
import { browserCommand } from '../start/browser.mjs';
import { choosePort } from '../start/server.mjs';

const root = path.resolve(__dirname, '../..');
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'flashlab start '));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Runs `npm start -- ARGS` without npm, in the checkout at `where`. */
function start(args: string[], env: NodeJS.ProcessEnv = {}, where = root) {
  const { INIT_CWD: _, ...inherited } = process.env;
  const result = spawnSync(process.execPath, [path.join(where, 'scripts/start.mjs'), ...args], {
    encoding: 'utf8',
    cwd: folder,
    env: { ...inherited, ...env },
  });
  return { code: result.status, out: result.stdout, err: result.stderr };
}

describe('readArguments', () => {
  test.each([
    [[], { help: false, run: null, parameters: [], browser: true, port: null }],
    [['--no-browser', '--port', '9000'], { help: false, run: null, parameters: [], browser: false, port: 9000 }],
    [['--run', 'a b.ipynb'], { help: false, run: 'a b.ipynb', parameters: [], browser: true, port: null }],
    [['-h'], { help: true, run: null, parameters: [], browser: true, port: null }],
  ])('%j', (args, expected) => {
    expect(readArguments(args)).toEqual(expected);
  });

  test('parameters are JSON, or else text', () => {
    const words = ['n=64', 'list=[1,2]', 'name=a=b', 'off=false'].flatMap((text) => ['--parameter', text]);
    expect(readArguments(['--run', 'a.ipynb', ...words]).parameters).toEqual([
      ['n', 64],
      ['list', [1, 2]],
      ['name', 'a=b'],
      ['off', false],
    ]);
  });

  test.each([
    [['--bogus'], "Unknown argument '--bogus'."],
    [['notebook.ipynb'], "Unknown argument 'notebook.ipynb'."],
    [['--run'], '--run needs a value.'],
    [['--run', '--port'], '--run needs a value.'],
    [['--port', '0'], "--port: expected a whole number from 1 to 65535, got '0'."],
    [['--port', '8e3'], "got '8e3'"],
    [['--port', '65536'], "got '65536'"],
    [['--run', 'a.ipynb', '--no-browser'], '--run starts no server'],
    [['--parameter', 'n=1'], '--parameter goes with --run only'],
    [['--run', 'a.ipynb', '--parameter', '2n=1'], "expected NAME=VALUE, got '2n=1'"],
  ])('%j is refused', (args, message) => {
    expect(() => readArguments(args)).toThrow(message);
  });
});

describe('npm start', () => {
  test('an unknown argument is answered with the usage and exit code 2, before any set-up', () => {
    const { code, out, err } = start(['--bogus']);
    expect(code).toBe(2);
    expect(out).toBe('');
    expect(err).toMatch(/^Unknown argument '--bogus'\.\n\nUsage: npm start/);
  });

  test('a notebook that is not there is named by its whole path', () => {
    const { code, err } = start(['--run', 'none.ipynb']);
    expect({ code, err }).toEqual({ code: 2, err: `--run: there is no file ${path.join(folder, 'none.ipynb')}.\n` });
  });

  test('without Python there is one line that says what to install', () => {
    const { code, err } = start([], { PATH: folder });
    expect(code).toBe(1);
    expect(err).toMatch(/^Python 3\.10 or newer is needed, and there is no python3\.[^\n]*\n$/);
  });

  test('without a network there is one line that says so', () => {
    const fresh = path.join(folder, 'fresh clone');
    for (const name of ['scripts', 'package.json', 'package-lock.json', 'kernel-lib/package.json']) {
      cpSync(path.join(root, name), path.join(fresh, name), { recursive: true });
    }
    // Port 9 (discard) of this machine refuses the connection, as a closed network does.
    const nowhere = { npm_config_registry: 'http://127.0.0.1:9/', npm_config_cache: path.join(folder, 'cache') };
    const { code, out, err } = start([], { ...nowhere, npm_config_fetch_retries: '0' }, fresh);
    expect(code).toBe(1);
    expect(out).toBe('[1/6] npm packages (npm ci) … failed\n');
    expect(err).toMatch(/^npm packages: the package registry cannot be reached\.[^\n]*\n$/);
  });
});

describe('npm start -- --run', () => {
  /** A notebook of the Python kernel that JupyterLab brings, so that no kernel of ours is needed. */
  function notebook(...sources: string[]) {
    const cells = sources.map((source, index) => ({
      cell_type: 'code',
      id: `cell-${index}`,
      metadata: {},
      execution_count: null,
      outputs: [],
      source,
    }));
    const metadata = { kernelspec: { name: 'python3', display_name: 'Python 3', language: 'python' } };
    const file = path.join(folder, 'a notebook.ipynb');
    writeFileSync(file, JSON.stringify({ nbformat: 4, nbformat_minor: 5, metadata, cells }));
    return file;
  }

  test('prints streams and results, runs in the folder of the notebook, exits with 0', () => {
    const { code, out } = start(['--run', notebook('print("streamed")', 'import os; os.getcwd()')]);
    expect(out).toContain('streamed\n');
    expect(out).toContain(path.basename(folder));
    expect(out).toMatch(/a notebook\.ipynb: 2 code cells ran without an error\.\n$/);
    expect(code).toBe(0);
  });

  test('a cell that fails is shown with what came before it, and exits with 1', () => {
    const { code, out, err } = start(['--run', notebook('print("before")', '1/0', 'print("after")')]);
    expect(out).toContain('before\n');
    expect(out).toContain('ZeroDivisionError');
    expect(out).not.toContain('after');
    expect(err).toContain('A cell of a notebook.ipynb failed: ZeroDivisionError: division by zero\n');
    expect(code).toBe(1);
  });

  test('parameters are declared behind the cell that is tagged for them', () => {
    const file = notebook('const seq = 8;\nconst name = "usual";', 'console.log(name, seq + 1)');
    const content = JSON.parse(readFileSync(file, 'utf8')) as {
      cells: { metadata: object }[];
      metadata: { kernelspec: object };
    };
    content.cells[0].metadata = { tags: ['parameters'] };
    content.metadata.kernelspec = { name: 'flashlab', display_name: 'TypeScript (FlashLab)', language: 'typescript' };
    writeFileSync(file, JSON.stringify(content));
    expect(start(['--run', file]).out).toContain('usual 9\n');
    const given = start(['--run', file, '--parameter', 'seq=64', '--parameter', "name=it's given"]);
    expect(given.out).toContain("it's given 65\n");
    expect(given.code).toBe(0);
  });

  test('a file that is no notebook is refused', () => {
    const file = path.join(folder, 'text.ipynb');
    writeFileSync(file, 'not JSON');
    const { code, err } = start(['--run', file]);
    expect(err).toContain(`${file} is not a notebook`);
    expect(code).toBe(2);
  });
});

describe('choosePort', () => {
  test('refuses a port in use and otherwise takes the one asked for', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    await expect(choosePort(port)).rejects.toThrow(`Port ${port} is in use.`);
    await new Promise((resolve) => server.close(resolve));
    await expect(choosePort(port)).resolves.toBe(port);
  });
});

describe('browserCommand', () => {
  test.each([
    ['linux', {}, null],
    ['linux', { DISPLAY: ':0' }, ['xdg-open', 'URL']],
    ['linux', { WAYLAND_DISPLAY: 'wayland-0' }, ['xdg-open', 'URL']],
    ['linux', { BROWSER: 'firefox' }, ['firefox', 'URL']],
    ['darwin', {}, ['open', 'URL']],
  ] as const)('on %s with %j', (platform, env, expected) => {
    expect(browserCommand('URL', env, platform)).toEqual(expected);
  });
});
