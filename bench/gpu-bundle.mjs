// npm run bench:gpu-bundle: all that it takes to measure on a linux-x64 machine with a GPU but without npm and network, in the folder
// .gpu-bundle (some 35 MB; the build must be there). Copy it over and run `bash .gpu-bundle/run.sh`: see bench/gpu-run.sh.
import { spawnSync } from 'node:child_process';
import { cpSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from './run.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const bundle = path.join(root, '.gpu-bundle');
const files = mkdtempSync(path.join(tmpdir(), 'gpu-bundle-'));

/** Where a program's words go: to the terminal. */
const TOLD = { stdio: ['ignore', 'inherit', 'inherit'] };

/** Copies a package of node_modules and those that it needs; of webgpu only the binary of this system. */
function copyPackage(name, done = new Set()) {
  if (done.has(name)) return;
  done.add(name);
  const from = path.join(root, 'node_modules', name);
  const binaries = `${path.sep}dist${path.sep}`;
  cpSync(from, path.join(files, 'node_modules', name), {
    recursive: true,
    filter: (file) => name !== 'webgpu' || !file.includes(binaries) || file.includes(`${binaries}linux-x64`),
  });
  const { dependencies = {} } = JSON.parse(readFileSync(path.join(from, 'package.json'), 'utf8'));
  for (const needed of Object.keys(dependencies)) copyPackage(needed, done);
}

try {
  for (const name of ['webgpu', '@petamoriken/float16', 'd3-scale']) copyPackage(name);
  for (const part of [
    'kernel-lib/package.json',
    'kernel-lib/bin',
    'kernel-lib/dist/cjs',
    'bench/peers',
    'bench/decode.mjs',
  ]) {
    cpSync(path.join(root, part), path.join(files, part), {
      recursive: true,
      filter: (file) => !file.includes('node_modules') && !file.includes('jupyter') && !file.endsWith('.d.ts'),
    });
  }
  mkdirSync(path.join(files, 'bin'));
  copyFileSync(process.execPath, path.join(files, 'bin', 'node'));
  rmSync(bundle, { recursive: true, force: true });
  mkdirSync(bundle);
  // The loader of Vulkan drivers, for machines whose driver came without it.
  spawnSync('apt-get', ['download', 'libvulkan1'], { cwd: bundle, stdio: 'ignore' });
  run('tar', ['-cJf', path.join(bundle, 'files.tar.xz'), '-C', files, '.'], {
    env: { ...process.env, XZ_OPT: '-6 -T0' },
    ...TOLD,
  });
  copyFileSync(path.join(root, 'bench', 'gpu-run.sh'), path.join(bundle, 'run.sh'));
  run('du', ['-sh', bundle], TOLD);
} finally {
  rmSync(files, { recursive: true, force: true });
}
