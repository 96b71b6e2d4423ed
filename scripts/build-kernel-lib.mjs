// Builds kernel-lib/dist: CommonJS with types for Node and notebooks (cjs/), a thin ES module over the very same
// instance (node.mjs, so that import and require share one device), and one ES module for browsers (browser.mjs).
// The old build stays in use until the new one is whole.
import { spawnSync } from 'node:child_process';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import path from 'node:path';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('../', import.meta.url));
const lib = path.join(root, 'kernel-lib');
const dist = path.join(lib, 'dist');
const fresh = path.join(root, '.cache', 'kernel-lib-dist');
// The forked compiler inside tslab takes node_modules/.bin/tsc, so the path is spelled out.
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');

rmSync(fresh, { recursive: true, force: true });
mkdirSync(fresh, { recursive: true });
const options = ['-p', lib, '--outDir', path.join(fresh, 'cjs')];
const { status } = spawnSync(process.execPath, [tsc, ...options], { stdio: 'inherit' });
if (status !== 0) process.exit(1); // the compiler has told why
writeFileSync(path.join(fresh, 'node.mjs'), "export * from './cjs/node/index.js';\n");
writeFileSync(path.join(fresh, 'node.d.mts'), "export * from './cjs/node/index.js';\n");
await build({
  entryPoints: [path.join(lib, 'src/index.ts')],
  outfile: path.join(fresh, 'browser.mjs'),
  bundle: true,
  format: 'esm',
  platform: 'browser',
  target: 'es2022',
  logLevel: 'warning',
});
rmSync(dist, { recursive: true, force: true });
renameSync(fresh, dist);
