import { spawnSync } from 'node:child_process';

/** Runs a program; what it prints. */
export function run(command, args, options = {}) {
  const done = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 2 ** 30, ...options });
  if (done.status !== 0) {
    throw done.error ?? new Error(`${command} ended with ${done.status}: ${done.stderr?.slice(0, 2000) ?? ''}`);
  }
  return done;
}
