// Node asks the GPU in a loop whether it has finished, as long as someone waits for it, and that keeps a core busy. On a driver
// that runs on the CPU this core is one of those that compute: with two of them a kernel takes up to twice as long, for the system
// then wakes both of the driver's threads on the other one. So the thread sleeps between two questions.

/** Lets the event loop turn, and holds the thread asleep in that turn for the milliseconds that `ms` then gives. */
export type Pause = (ms: () => number) => Promise<void>;

/** null where a thread may not be held, as in a page. */
let pause: Pause | null = null;

export function setPause(given: Pause | null): void {
  pause = given;
}

/** A pause by the time that has been waited, so that what comes late comes late by little. */
const PAUSE_SHARE = 1 / 8;
const PAUSE_MS = 0.5;
/** What takes less is over before a pause is. */
const WORTH_MS = 0.4;

/**
 * Waits for `promise` and asks for it only now and then, until the signal is aborted.
 * @param expected milliseconds that it will take; 0 if nobody knows, so that the first pauses come late
 */
export async function dozing<T>(promise: Promise<T>, expected: number, signal?: AbortSignal): Promise<T> {
  const start = performance.now();
  const from = expected >= WORTH_MS && Number.isFinite(expected) ? 0 : WORTH_MS;
  let over = false;
  const waits = (): boolean => !over && !signal?.aborted;
  const nap = (): number => {
    const waited = performance.now() - start;
    return waits() && waited >= from ? Math.min(PAUSE_MS, PAUSE_SHARE * waited) : 0;
  };
  const doze = async (sleep: Pause): Promise<void> => {
    while (waits()) await sleep(nap);
  };
  if (pause) void doze(pause);
  try {
    return await promise;
  } finally {
    over = true;
  }
}
