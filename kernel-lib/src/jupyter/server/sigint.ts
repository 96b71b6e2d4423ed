import { parentPort, workerData } from 'node:worker_threads';
import { Script } from 'node:vm';
import { Shared } from './link';

/**
 * Thread that waits for SIGINT. Node hands signals only to the event loop of the main thread, which a busy loop never
 * reaches; `breakOnSigint` is the one thing that wakes another thread, so this one sleeps inside such a script.
 */
const shared = new Int32Array((workerData as { shared: SharedArrayBuffer }).shared);
let pending = false;

Object.assign(globalThis, {
  flashlabWaitForSigint(): void {
    // The report is sent in here, not in the catch below: there SIGINT has its default action, which ends the process.
    if (pending) parentPort!.postMessage('SIGINT');
    pending = false;
    Atomics.wait(shared, Shared.never, 0);
  },
});

const script = new Script('flashlabWaitForSigint()');
for (;;) {
  try {
    script.runInThisContext({ breakOnSigint: true });
  } catch {
    pending = true;
  }
}
