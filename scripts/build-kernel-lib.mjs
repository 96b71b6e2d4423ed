// Builds kernel-lib/dist: CommonJS with types for Node and notebooks (cjs/), a thin ES module over the very same
// instance (node.mjs, so that import and require share one device), and one ES module for browsers (browser.mjs).
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import path from 'node:path';
import { build } from 'esbuild';

const lib = fileURLToPath(new URL('../kernel-lib/', import.meta.url));
const dist = path.join(lib, 'dist');
// The forked compiler inside tslab takes node_modules/.bin/tsc, so the path is spelled out.
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');

rmSync(dist, { recursive: true, force: true });
mkdirSync(dist, { recursive: true });
const { status } = spawnSync(process.execPath, [tsc, '-p', lib], { stdio: 'inherit' });
if (status !== 0) process.exit(1); // the compiler has told why
writeFileSync(path.join(dist, 'node.mjs'), "export * from './cjs/node/index.js';\n");
writeFileSync(path.join(dist, 'node.d.mts'), "export * from './cjs/node/index.js';\n");
await build({
  entryPoints: [path.join(lib, 'src/index.ts')],
  outfile: path.join(dist, 'browser.mjs'),
  bundle: true,
  format: 'esm',
  platform: 'browser',
  target: 'es2022',
  logLevel: 'warning',
});
