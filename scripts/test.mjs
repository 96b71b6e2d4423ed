// npm test: the set-up of `npm start`, then every test that needs neither root nor a GPU. Arguments go to jest.
import { spawn } from 'node:child_process';
import path from 'node:path';
import { setUp } from './setup/index.mjs';
import { runProgram } from './setup/problem.mjs';

runProgram(async () => {
  const { root } = await setUp();
  const jest = path.join(root, 'node_modules', 'jest', 'bin', 'jest.js');
  const child = spawn(process.execPath, [jest, ...process.argv.slice(2)], { cwd: root, stdio: 'inherit' });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? 1));
  });
});
