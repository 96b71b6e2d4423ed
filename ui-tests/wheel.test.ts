import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathsOf } from '../scripts/setup/paths.mjs';

const root = path.resolve(__dirname, '..');
const windows = process.platform === 'win32';

/** Runs cells in the kernel of the kernelspec and prints what each gives, as JSON. */
const CLIENT = `
import json, sys
from jupyter_client.manager import start_new_kernel
manager, client = start_new_kernel(kernel_name="flashlab", startup_timeout=300)
found = []
for code in sys.argv[1:]:
    outputs = []
    client.execute_interactive(code, timeout=120, output_hook=outputs.append)
    for message in outputs:
        content = message["content"]
        if message["msg_type"] in ("execute_result", "display_data"): found.append(content["data"]["text/plain"])
        if message["msg_type"] == "error": found.append(content["ename"] + ": " + content["evalue"])
client.stop_channels()
manager.shutdown_kernel(now=True)
print(json.dumps(found))
`;

describe('the wheel in an environment of its own', () => {
  // A folder that is not the checkout, with a space in its name.
  const folder = mkdtempSync(path.join(tmpdir(), 'flashlab wheel '));
  const bin = (name: string): string => path.join(folder, 'venv', windows ? 'Scripts' : 'bin', name);
  const run = (file: string, args: string[], env: NodeJS.ProcessEnv = {}, input = ''): string =>
    execFileSync(file, args, {
      input,
      cwd: folder,
      encoding: 'utf8',
      env: { ...process.env, JUPYTER_DATA_DIR: path.join(folder, 'data'), FLASH_ADAPTER: 'auto', ...env },
      stdio: 'pipe',
    });
  const cells = (codes: string[], env?: NodeJS.ProcessEnv): string[] =>
    JSON.parse(
      run(bin('python'), ['-c', CLIENT, ...codes], env)
        .trim()
        .split('\n')
        .at(-1)!,
    ) as string[];

  beforeAll(() => {
    run(process.execPath, [path.join(root, 'scripts', 'build-wheel.mjs')]);
    const dist = path.join(root, '.cache', 'wheel', 'dist');
    const [wheel] = readdirSync(dist);
    run(pathsOf(root).venvPython, ['-m', 'venv', path.join(folder, 'venv')]);
    const pip = ['-m', 'pip', 'install', '--disable-pip-version-check', '--quiet'];
    run(bin('python'), [...pip, path.join(dist, wheel)]);
  }, 300_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('brings the kernelspec and the extension', () => {
    const { kernelspecs } = JSON.parse(run(bin('jupyter'), ['kernelspec', 'list', '--json'])) as {
      kernelspecs: Record<string, { spec: { argv: string[] } }>;
    };
    expect(kernelspecs.flashlab.spec.argv.slice(1)).toEqual([
      '-m',
      'jupyterlab_flashlab',
      'kernel',
      '{connection_file}',
    ]);
    const extension = path.join(folder, 'venv', 'share', 'jupyter', 'labextensions', 'jupyterlab-flashlab');
    expect(readdirSync(extension).sort()).toEqual(['install.json', 'package.json', 'schemas', 'static']);
  });

  test('where Node is missing, every cell says so and how to mend it', () => {
    const [said] = cells(['1 + 1'], { FLASHLAB_NODE: path.join(folder, 'no-node') });
    expect(said).toMatch(/^KernelProblem: .*no-node does not run[^]*Install Node 20\.19 or newer/);
    expect(existsSync(path.join(folder, 'data', 'flashlab'))).toBe(false);
  });

  test('where npm cannot fetch the packages, every cell says so, and nothing half done stays', () => {
    const [said] = cells(['1'], {
      npm_config_registry: 'http://127.0.0.1:9',
      npm_config_fetch_retries: '0',
      npm_config_cache: path.join(folder, 'empty cache'),
    });
    expect(said).toMatch(/^KernelProblem: npm could not fetch[^]*jupyterlab_flashlab setup/);
    expect(readdirSync(path.join(folder, 'data', 'flashlab'))).toEqual([]);
  });

  test('the kernel fetches its packages at its first start; flashlab is a command', () => {
    expect(cells(['6 * 7'])).toEqual(['42']);
    expect(run(bin('flashlab'), ['--version'])).toBe('0.1.0\n');
    expect(run(bin('flashlab'), [])).toMatch(/^usage: flashlab COMMAND/);
    run(bin('flashlab'), ['course', 'my course']);
    expect(readdirSync(path.join(folder, 'my course'))).toEqual(expect.arrayContaining(['00-quickstart.ipynb', 'zh']));
  }, 300_000);

  test('setup --sys-prefix fetches them for all users of the environment', () => {
    const stranger = { JUPYTER_DATA_DIR: path.join(folder, 'data of another user') };
    run(bin('python'), ['-m', 'jupyterlab_flashlab', 'setup', '--sys-prefix'], stranger);
    expect(run(bin('flashlab'), ['--version'], stranger)).toBe('0.1.0\n');
    expect(existsSync(path.join(stranger.JUPYTER_DATA_DIR, 'flashlab'))).toBe(false);
  }, 300_000);

  test('without a GPU, doctor --fix fetches one in software, and attention runs', () => {
    const attention = 'const q = flash.randn([1, 2, 8, 4]);\n(await flash.attention(q, q, q)).out.shape.join()';
    if (process.platform === 'linux' && process.arch === 'x64') {
      const bare = { FLASH_ADAPTER: 'swiftshader', XDG_CACHE_HOME: path.join(folder, 'cache') };
      expect(cells([attention], bare)[0]).toMatch(/NO_ADAPTER|flashlab doctor --fix/);
      expect(run(bin('flashlab'), ['doctor', '--fix'], bare)).toContain('SwiftShader');
      expect(cells([attention], bare)).toEqual(["'1,2,8,4'"]);
    } else expect(cells([attention])).toEqual(["'1,2,8,4'"]);
  }, 300_000);

  test('jupyter console talks to the kernel', () => {
    run(bin('python'), ['-m', 'pip', 'install', '--disable-pip-version-check', '--quiet', 'jupyter-console==6.6.3']);
    const lines = 'const x = 6\nx * 7\nconst broken: string = x\nx + 1\n';
    const said = run(bin('jupyter'), ['console', '--kernel', 'flashlab', '--simple-prompt'], {}, lines);
    expect(said).toMatch(/Out\[2\]: 42[^]*Out\[4\]: 7/);
  }, 300_000);

  test('uninstalling takes all of it back', () => {
    run(bin('python'), ['-m', 'pip', 'uninstall', '-y', 'jupyterlab_flashlab']);
    expect(existsSync(path.join(folder, 'venv', 'share', 'jupyter', 'kernels', 'flashlab'))).toBe(false);
    const labextensions = path.join(folder, 'venv', 'share', 'jupyter', 'labextensions');
    expect(existsSync(path.join(labextensions, 'jupyterlab-flashlab', 'package.json'))).toBe(false);
  });
});
