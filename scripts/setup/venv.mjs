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

const ANNOUNCEMENTS = '@jupyterlab/apputils-extension:announcements';

/** Whether JupyterLab's question about news is off. JupyterLab adds entries of its own to this file. */
function announcementsOff(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).disabledExtensions[ANNOUNCEMENTS] === true;
  } catch {
    return false;
  }
}

export function extensionLinked(paths) {
  const link = paths.linkedExtension;
  if (!existsSync(path.join(link, 'package.json')) || !announcementsOff(paths.pageConfig)) return false;
  // A copy (Windows) cannot tell by itself that it is current; the step's stamp can.
  return !lstatSync(link).isSymbolicLink() || readlinkSync(link) === paths.labextension;
}

/** Puts the built extension into the environment and switches off JupyterLab's question about news. */
export function linkExtension(paths, platform = process.platform) {
  mkdirSync(path.dirname(paths.linkedExtension), { recursive: true });
  rmSync(paths.linkedExtension, { recursive: true, force: true });
  // Symbolic links want a special right on Windows.
  if (platform === 'win32') cpSync(paths.labextension, paths.linkedExtension, { recursive: true });
  else symlinkSync(paths.labextension, paths.linkedExtension, 'dir');
  mkdirSync(path.dirname(paths.pageConfig), { recursive: true });
  writeFileSync(paths.pageConfig, JSON.stringify({ disabledExtensions: { [ANNOUNCEMENTS]: true } }));
}
