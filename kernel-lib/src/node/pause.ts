import type { Pause } from '../device/doze';

const never = new Int32Array(new SharedArrayBuffer(4));

/** Some who embed Node do not let its thread wait. */
function mayWait(): boolean {
  try {
    Atomics.wait(never, 0, 0, 0);
    return true;
  } catch {
    return false;
  }
}

const sleep: Pause = (ms) =>
  new Promise((resolve) => {
    setImmediate(() => {
      const given = ms();
      if (given > 0) Atomics.wait(never, 0, 0, given);
      resolve();
    });
  });

/** Timers of Node are too coarse for fractions of a millisecond, so it is the thread that sleeps. */
export const pause = mayWait() ? sleep : null;
