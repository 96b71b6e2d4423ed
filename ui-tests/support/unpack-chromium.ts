import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { chromiumFolder } from './chromium';

/**
 * Unpacks the Chromium of @sparticuz/chromium once, before any test of this project. The package takes a torn folder
 * for a whole one, so it unpacks under a temporary name (its TMPDIR), which is renamed in the end.
 */
export default function unpackChromium(): void {
  if (existsSync(chromiumFolder)) return;
  const partial = `${chromiumFolder}.${process.pid}`;
  mkdirSync(partial, { recursive: true });
  const script = "import('@sparticuz/chromium').then((chromium) => chromium.default.executablePath())";
  // With this variable the package also unpacks the system libraries that a bare machine lacks.
  const env = { ...process.env, TMPDIR: partial, AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs20.x' };
  try {
    execFileSync(process.execPath, ['-e', script], { cwd: path.dirname(__dirname), env, stdio: 'pipe' });
    renameSync(partial, chromiumFolder);
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
}
