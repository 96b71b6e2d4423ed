// npm test: the set-up of `npm start`, then every test that needs neither root nor a GPU. Arguments go to jest.
import { spawn } from 'node:child_process';
import path from 'node:path';
import { exitCode } from './setup/exit-code.mjs';
import { setUp } from './setup/index.mjs';
import { jupyterEnvironment } from './setup/paths.mjs';
import { runProgram } from './setup/problem.mjs';

runProgram(async () => {
  const paths = await setUp();
  const { root } = paths;
  // Tests that start Jupyter's own tools leave nothing in the user's folders either.
  const env = jupyterEnvironment(paths);
  const jest = path.join(root, 'node_modules', 'jest', 'bin', 'jest.js');
  const child = spawn(process.execPath, [jest, ...process.argv.slice(2)], { cwd: root, env, stdio: 'inherit' });
  return exitCode(child);
});
