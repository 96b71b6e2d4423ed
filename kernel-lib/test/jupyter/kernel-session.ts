import { execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import * as path from 'node:path';

export const root = path.join(__dirname, '..', '..', '..');
export const bin = path.join(root, 'kernel-lib', 'bin');
const venv = process.platform === 'win32' ? ['Scripts', 'python.exe'] : ['bin', 'python'];

/** A Python that has jupyter_client: the one of the set-up, or FLASH_PYTHON. */
export const python = process.env.FLASH_PYTHON ?? path.join(root, '.venv', ...venv);

/** Why the kernel cannot be driven here; undefined where it can. */
export function missing(): string | undefined {
  if (!existsSync(path.join(root, 'kernel-lib', 'dist', 'cjs', 'jupyter', 'launch.js')))
    return 'the library is not built';
  return existsSync(python) ? undefined : 'no Python with jupyter_client (npm test makes one in .venv)';
}

/** Installs the kernelspec under `prefix`; returns an environment in which Jupyter finds it there. */
export function installInto(prefix: string): NodeJS.ProcessEnv {
  execFileSync(process.execPath, [path.join(bin, 'flashlab.js'), 'install', '--prefix', prefix]);
  const share = path.join(prefix, 'share', 'jupyter');
  return { ...process.env, JUPYTER_PATH: share, FLASH_HISTORY: path.join(share, 'history.jsonl') };
}

export type Content = Record<string, unknown>;

export interface Output {
  type: string;
  content: Content;
  time: number;
}

export interface StepResult {
  reply: Content;
  outputs: Output[];
  prompt?: Content;
  late?: Output[];
  alive?: boolean;
  /** Data of the comm messages since the step before. */
  comms: { data: Content; time: number }[];
}

/** Runs `steps` (see client.py) in one kernel that starts in `cwd`; returns their results in order. */
export async function runSteps(steps: object[], cwd: string, env: NodeJS.ProcessEnv): Promise<StepResult[]> {
  const child = spawn(python, [path.join(__dirname, 'client.py'), 'flashlab'], { cwd, env });
  let out = '';
  let errors = '';
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  child.stdin.end(JSON.stringify(steps));
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  const results = out
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as StepResult);
  if (code !== 0 || results.length !== steps.length + 1) {
    throw new Error(`client.py ended with ${code} after ${results.length - 1} of ${steps.length} steps:\n${errors}`);
  }
  return results.slice(1);
}

/** The outputs of one type. */
export function ofType(result: StepResult, type: string): Content[] {
  return result.outputs.filter((output) => output.type === type).map((output) => output.content);
}
