// npm run bench:kernel -- [ROUNDS]: start, cells and completion of our kernel beside tslab's own, in turns, in one run.
// npm run bench:kernel -- memory [CELLS]: their memory after many cells.
// Needs what `npm start` sets up.
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import path from 'node:path';
import { defaultRoot, pathsOf } from '../scripts/setup/paths.mjs';

const require = createRequire(import.meta.url);
const { root, venvPython, flashlab } = pathsOf(defaultRoot);
const kernel = path.join(path.dirname(flashlab), 'kernel.js');
const tslab = path.join(path.dirname(require.resolve('tslab/package.json')), 'bin', 'tslab');
const script = path.join(root, 'bench', 'kernel.py');
const { status, error } = spawnSync(venvPython, [script, process.execPath, kernel, tslab, ...process.argv.slice(2)], {
  stdio: 'inherit',
});
if (error) console.error(`bench:kernel: ${error.message}; \`npm start -- --no-browser\` sets up what is missing.`);
process.exitCode = status ?? 1;
