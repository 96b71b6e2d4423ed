import { Kernel } from './kernel';

/** How often to look whether the Jupyter server still lives, in milliseconds. */
const ORPHAN_CHECK_MS = 2000;

/** Starts the kernel on a connection file. It ends by a shutdown_request, by a signal, or with its server. */
export function launch(connectionFile: string): void {
  Error.stackTraceLimit = 30;
  new Kernel(connectionFile).start();
  endWithServer();
}

/** A server that was killed cannot shut its kernels down; they notice that another process has adopted them. */
function endWithServer(): void {
  if (process.env.JPY_PARENT_PID === undefined || process.platform === 'win32') return;
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent) process.exit(1);
  }, ORPHAN_CHECK_MS).unref();
}
