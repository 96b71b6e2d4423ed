import { spawnSync } from 'node:child_process';

/** Whether there is a Python with PyTorch and a GPU that it can use. */
export function hasCuda() {
  const { status } = spawnSync('python3', ['-c', 'import sys, torch; sys.exit(not torch.cuda.is_available())'], {
    stdio: 'ignore',
  });
  return status === 0;
}
