import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import * as path from 'node:path';
import { jupyterData } from '../jupyter-data';
import { packageRoot } from './package-root';

/** Name of the folder of the kernelspec, by which notebooks ask for it. */
export const KERNEL_NAME = 'flashlab';

/** Where a kernelspec goes: as `jupyter kernelspec install` has it. */
export type Where = { kind: 'user' } | { kind: 'sys-prefix' } | { kind: 'prefix'; prefix: string };

const bin = path.join(packageRoot(), 'bin');

/** Folder of the kernelspec for `where`; throws an Error where no Python environment can be found. */
export function kernelspecFolder(where: Where, env: NodeJS.ProcessEnv = process.env): string {
  const data = where.kind === 'user' ? jupyterData(env) : path.join(prefixOf(where, env), 'share', 'jupyter');
  return path.join(data, 'kernels', KERNEL_NAME);
}

/** Writes the kernelspec into `folder`, replacing one that is there only when the new one is complete. */
export function writeKernelspec(folder: string): void {
  mkdirSync(path.dirname(folder), { recursive: true });
  const fresh = mkdtempSync(`${folder}-new-`);
  try {
    writeFileSync(path.join(fresh, 'kernel.json'), `${JSON.stringify(kernelspec(), null, 1)}\n`);
    copyFileSync(path.join(bin, 'logo-svg.svg'), path.join(fresh, 'logo-svg.svg'));
    rmSync(folder, { recursive: true, force: true });
    renameSync(fresh, folder);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

/** Removes the kernelspec in `folder`; false where there is none. Throws where the folder holds something else. */
export function removeKernelspec(folder: string): boolean {
  if (!existsSync(folder)) return false;
  const file = path.join(folder, 'kernel.json');
  const { argv } = JSON.parse(readFileSync(file, 'utf8')) as { argv?: string[] };
  if (!argv?.some((part) => path.basename(part) === 'kernel.js'))
    throw new Error(`${file} is not of this kernel; it is left alone`);
  rmSync(folder, { recursive: true });
  return true;
}

/** Content of kernel.json. */
export function kernelspec(platform: NodeJS.Platform = process.platform): object {
  return {
    // The flag lets the kernel end a busy loop without Node taking its own books for damaged.
    argv: [process.execPath, '--no-force-async-hooks-checks', path.join(bin, 'kernel.js'), '{connection_file}'],
    display_name: 'TypeScript (FlashLab)',
    language: 'typescript',
    interrupt_mode: platform === 'win32' ? 'message' : 'signal',
  };
}

function prefixOf(where: Exclude<Where, { kind: 'user' }>, env: NodeJS.ProcessEnv): string {
  if (where.kind === 'prefix') return path.resolve(where.prefix);
  const active = env.VIRTUAL_ENV || env.CONDA_PREFIX;
  if (active) return active;
  const python = process.platform === 'win32' ? 'python' : 'python3';
  try {
    return execFileSync(python, ['-c', 'import sys; print(sys.prefix)'], { encoding: 'utf8', env }).trim();
  } catch (error) {
    throw new Error(`--sys-prefix: no environment is active and ${python} does not run; activate one or use --prefix`, {
      cause: error,
    });
  }
}
