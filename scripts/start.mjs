// npm start: sets up what is missing, then opens JupyterLab on the first notebook (or runs one notebook, or only serves).
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { exitCode } from './setup/exit-code.mjs';
import { setUp } from './setup/index.mjs';
import { jupyterEnvironment } from './setup/paths.mjs';
import { Problem, runProgram } from './setup/problem.mjs';
import { readArguments, usage } from './start/arguments.mjs';
import { openBrowser } from './start/browser.mjs';
import { choosePort, startServer } from './start/server.mjs';

const say = (text) => process.stdout.write(text);

/** Runs one notebook to its end and prints its text outputs; resolves to the exit code. */
function runNotebook(paths, notebook, parameters) {
  const script = fileURLToPath(new URL('start/run_notebook.py', import.meta.url));
  const code = parameters.map(([name, value]) => `const ${name} = ${JSON.stringify(value)};`).join('\n');
  const child = spawn(paths.venvPython, [script, notebook, code], { env: jupyterEnvironment(paths), stdio: 'inherit' });
  return exitCode(child);
}

async function serve(paths, options) {
  const port = await choosePort(options.port);
  const token = randomBytes(24).toString('hex');
  const since = performance.now();
  const server = await startServer(paths, { port, token });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => server.child.kill('SIGTERM'));
  const place = existsSync(paths.notebook) ? '/lab/tree/notebooks/00-quickstart.ipynb' : '/lab';
  const address = `${server.url}${place}?token=${token}`;
  say(`JupyterLab is ready (${((performance.now() - since) / 1000).toFixed(1)} s). Ctrl-C ends it.\n`);
  const opened = options.browser && (await openBrowser(address));
  say(opened ? `Opened in your browser: ${address}\n` : `Open this address in a browser: ${address}\n`);
  return server.ended;
}

runProgram(async () => {
  const options = readArguments(process.argv.slice(2));
  if (options.help) {
    say(`${usage}\n`);
    return 0;
  }
  // npm changes into the checkout; a notebook is named from where the user stands.
  const notebook = options.run === null ? null : path.resolve(process.env.INIT_CWD ?? '.', options.run);
  if (notebook !== null && !existsSync(notebook)) throw new Problem(`--run: there is no file ${notebook}.`, 2);
  const paths = await setUp();
  return notebook === null ? serve(paths, options) : runNotebook(paths, notebook, options.parameters);
});
