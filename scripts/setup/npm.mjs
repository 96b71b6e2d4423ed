// The npm packages: whether node_modules is what the lock says, and npm's own call.
import { existsSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { runTool } from './run-tool.mjs';

const readJson = (file) => {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return null;
  }
};

/**
 * Whether node_modules holds what the lock asks for. npm writes node_modules/.package-lock.json only when it has
 * finished, so this is also false after an interrupted install. Optional packages may be another platform's.
 */
export function packagesInstalled(paths) {
  const wanted = readJson(paths.lock)?.packages;
  const present = readJson(path.join(paths.modules, '.package-lock.json'))?.packages;
  if (!wanted || !present) return false;
  return Object.entries(wanted).every(([place, entry]) => {
    if (!place.startsWith('node_modules/') || entry.optional) return true;
    const here = present[place];
    return (
      here !== undefined &&
      here.version === entry.version &&
      here.integrity === entry.integrity &&
      existsSync(path.join(paths.root, place, 'package.json'))
    );
  });
}

export async function installPackages(paths, log) {
  rmSync(path.join(paths.modules, '.package-lock.json'), { force: true });
  // Every package of the lock works without its install script, so none is run.
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline'];
  const patience = ['--fetch-retries=3', '--fetch-retry-mintimeout=1000', '--fetch-retry-maxtimeout=5000'];
  const self = process.env.npm_execpath ?? '';
  const [command, ...first] = /npm-cli\.[cm]?js$/.test(self)
    ? [process.execPath, self]
    : [process.platform === 'win32' ? 'npm.cmd' : 'npm'];
  await runTool('npm packages', command, [...first, ...args, ...patience], { cwd: paths.root, log });
}
