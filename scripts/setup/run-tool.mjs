// Runs the tools of set-up. Their output goes to a log, and the end of it is shown when they fail.
import { spawn } from 'node:child_process';
import { createWriteStream, mkdirSync } from 'node:fs';
import path from 'node:path';
import { Problem } from './problem.mjs';

const NO_NETWORK =
  /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|NewConnectionError|NameResolutionError|Max retries exceeded|Temporary failure in name resolution|ConnectTimeoutError|Network is unreachable/;
const NO_SPACE = /ENOSPC|No space left on device/;
const NO_RIGHT = /EACCES|EPERM|Permission denied/;

/** The one line that says why `label` failed and what mends it; `log` is where the tool's whole output lies. */
export function explainFailure(label, output, log) {
  if (NO_SPACE.test(output)) return `${label}: the disk is full. Free about 2 GB and run the same command again.`;
  if (NO_NETWORK.test(output)) {
    return `${label}: the package registry cannot be reached. Check the network (or the proxy and mirror settings of npm and pip) and run the same command again; it goes on where it stopped.`;
  }
  if (NO_RIGHT.test(output)) return `${label}: no right to write there. Check who owns this folder (details: ${log}).`;
  const last = output.trim().split('\n').slice(-15).join('\n');
  return `${last}\n${label} failed; its whole output is in ${log}`;
}

/**
 * Runs one tool to its end and rejects with a Problem that tells why it failed.
 * @param label what the user calls this step
 * @param log file that receives the tool's output
 */
export async function runTool(label, command, args, { cwd, env = process.env, log }) {
  mkdirSync(path.dirname(log), { recursive: true });
  const file = createWriteStream(log);
  // Windows starts .cmd files only through its shell.
  const shell = process.platform === 'win32' && !command.endsWith('.exe');
  const child = spawn(shell ? `"${command}"` : command, shell ? args.map((arg) => `"${arg}"`) : args, {
    cwd,
    env,
    shell,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const keep = (chunk) => {
    file.write(chunk);
    output = (output + chunk).slice(-200_000);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  const ending = await new Promise((resolve) => {
    child.on('error', (error) => resolve(error.message));
    child.on('close', (code, signal) => resolve(code ?? signal));
  });
  await new Promise((resolve) => file.end(resolve));
  if (ending !== 0)
    throw new Problem(explainFailure(label, `${output}\n${typeof ending === 'string' ? ending : ''}`, log));
}
