// The Python side: a virtual environment with JupyterLab, the kernelspec and the extension in it.
import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { runTool } from './run-tool.mjs';

/** Makes .venv anew: what an interrupted pip leaves behind, pip itself cannot mend. */
export async function makeVenv(paths, python, log) {
  await runTool('Python environment', python, ['-m', 'venv', '--clear', paths.venv], { cwd: paths.root, log });
  const pip = ['-m', 'pip', 'install', '--disable-pip-version-check', '--no-input', '--retries', '3'];
  await runTool('Python packages', paths.venvPython, [...pip, '-r', paths.requirements], { cwd: paths.root, log });
}

export async function installKernel(paths, log) {
  const args = [paths.flashlab, 'install', '--prefix', paths.venv];
  await runTool('notebook kernel', process.execPath, args, { cwd: paths.root, log });
}

const pageConfig = JSON.stringify(
  { disabledExtensions: { '@jupyterlab/apputils-extension:announcements': true } },
  null,
  2,
);

export function extensionLinked(paths) {
  if (!existsSync(path.join(paths.linkedExtension, 'package.json'))) return false;
  if (!existsSync(paths.pageConfig) || readFileSync(paths.pageConfig, 'utf8') !== pageConfig) return false;
  // A copy (Windows) cannot tell by itself that it is current; the step's stamp can.
  return (
    !lstatSync(paths.linkedExtension).isSymbolicLink() || readlinkSync(paths.linkedExtension) === paths.labextension
  );
}

/** Puts the built extension into the environment and switches off JupyterLab's question about news. */
export function linkExtension(paths, platform = process.platform) {
  mkdirSync(path.dirname(paths.linkedExtension), { recursive: true });
  rmSync(paths.linkedExtension, { recursive: true, force: true });
  // Symbolic links want a special right on Windows.
  if (platform === 'win32') cpSync(paths.labextension, paths.linkedExtension, { recursive: true });
  else symlinkSync(paths.labextension, paths.linkedExtension, 'dir');
  mkdirSync(path.dirname(paths.pageConfig), { recursive: true });
  writeFileSync(paths.pageConfig, pageConfig);
}
