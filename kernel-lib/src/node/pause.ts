import type { Pause } from '../device/doze';

const never = new Int32Array(new SharedArrayBuffer(4));

/** Timers of Node are too coarse for fractions of a millisecond, so it is the thread that sleeps. */
export const pause: Pause = (ms) =>
  new Promise((resolve) => {
    setImmediate(() => {
      const sleep = ms();
      if (sleep > 0) Atomics.wait(never, 0, 0, sleep);
      resolve();
    });
  });
