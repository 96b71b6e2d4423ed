// Starts JupyterLab out of .venv and tells when it answers.
import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { Problem } from '../setup/problem.mjs';
import { jupyterEnvironment } from '../setup/paths.mjs';

const HOST = '127.0.0.1';

/** Whether a server could listen on `port` now. */
function portIsFree(port) {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, HOST, () => server.close(() => resolve(true)));
  });
}

/** The port asked for, or else the first free one from 8888 on. */
export async function choosePort(wanted) {
  const candidates = wanted === null ? Array.from({ length: 50 }, (_, offset) => 8888 + offset) : [wanted];
  for (const port of candidates) if (await portIsFree(port)) return port;
  throw new Problem(
    wanted === null
      ? `No free port from ${candidates[0]} to ${candidates.at(-1)}. Name one with --port N.`
      : `Port ${wanted} is in use. Name another with --port N, or leave --port out.`,
  );
}

async function answers(url, token) {
  try {
    const response = await fetch(`${url}/api/status`, { headers: { authorization: `token ${token}` } });
    return response.ok;
  } catch {
    return false;
  }
}

/**
 * Starts JupyterLab; resolves when it answers.
 * @param token secret that the browser's address carries
 * @param folder the folder that it shows
 * @param stdio where the server's own messages go
 * @returns {Promise<{ url: string, child: import('node:child_process').ChildProcess, ended: Promise<number> }>}
 */
export async function startServer(paths, { port, token, folder = paths.root, stdio = 'inherit' }) {
  const args = ['-m', 'jupyterlab', '--no-browser', `--ip=${HOST}`, `--port=${port}`, '--port-retries=0'];
  // answer_yes: Ctrl-C ends the server at once instead of asking.
  args.push(`--ServerApp.root_dir=${folder}`, '--ServerApp.answer_yes=True', '--log-level=WARN');
  if (process.getuid?.() === 0) args.push('--allow-root');
  // The token travels in the environment: arguments of a process can be read by every user of the machine.
  const env = { ...jupyterEnvironment(paths), JUPYTER_TOKEN: token };
  const child = spawn(paths.venvPython, args, { cwd: folder, env, stdio: ['ignore', stdio, stdio] });
  // However this program ends, it leaves no server behind.
  process.once('exit', () => child.kill('SIGTERM'));
  let over = null;
  const ended = new Promise((resolve) => {
    const end = (code) => resolve((over = code));
    child.on('error', () => end(1));
    child.on('close', (code) => end(code ?? 1));
  });
  const url = `http://${HOST}:${port}`;
  const patience = Date.now() + 120_000;
  while (!(await answers(url, token))) {
    if (over !== null) throw new Problem(`JupyterLab ended before it was ready (exit code ${over}).`);
    if (Date.now() > patience) {
      child.kill('SIGKILL');
      throw new Problem('JupyterLab did not answer within two minutes.');
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return { url, child, ended };
}
