// npm run bench:peers -- [--json] [--rounds N] [--peers LIST] [--only TEXT]: other implementations of attention beside this one;
// see bench/peers/run.mjs. Sets up what is missing first; the peers' packages stay in bench/peers.
import { spawn } from 'node:child_process';
import path from 'node:path';
import { exitCode } from '../scripts/setup/exit-code.mjs';
import { setUp } from '../scripts/setup/index.mjs';
import { installPackages, packagesInstalled } from '../scripts/setup/npm.mjs';
import { pathsOf } from '../scripts/setup/paths.mjs';
import { runProgram } from '../scripts/setup/problem.mjs';
import { runSteps } from '../scripts/setup/run-steps.mjs';

runProgram(async () => {
  // Only rows go to stdout.
  const say = (text) => process.stderr.write(text);
  const { root, state } = await setUp({ say });
  const peers = pathsOf(path.join(root, 'bench', 'peers'));
  const packages = {
    name: 'peers',
    what: "the peers' npm packages (npm ci in bench/peers)",
    present: () => packagesInstalled(peers),
    run: () => installPackages(peers, path.join(state, 'peers.log')),
  };
  await runSteps([packages], state, say);
  const run = path.join(peers.root, 'run.mjs');
  return exitCode(spawn(process.execPath, [run, ...process.argv.slice(2)], { stdio: 'inherit' }));
});
