import type { FlashDevice } from './device';

// Node asks the GPU in a loop whether it has finished, as long as someone waits for it, and that keeps a core busy. On a driver
// that runs on the CPU this core is one of those that compute: with two of them a kernel takes up to twice as long, for the system
// then wakes both of the driver's threads on the other one. So the thread sleeps between two questions.

/** Lets the event loop turn, and holds the thread asleep in that turn for the milliseconds that `ms` then gives. Never rejects. */
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

/** Who waits now: each tells how long the thread may sleep for its sake. */
const waiting = new Set<() => number>();
let asleep = false;

/** One loop for all who wait, or the thread would sleep for each of them in turn. */
async function sleepBetween(sleep: Pause): Promise<void> {
  if (asleep) return;
  asleep = true;
  while (waiting.size > 0) await sleep(() => (waiting.size > 0 ? Math.min(...[...waiting].map((nap) => nap())) : 0));
  asleep = false;
}

/**
 * Waits for `promise`, which a driver on the CPU keeps, and asks for it only now and then, until the signal is aborted; on a GPU it only waits.
 * @param expected milliseconds that it will take; 0 if nobody knows, so that the first pauses come late
 */
export async function dozing<T>(
  { facts }: Pick<FlashDevice, 'facts'>,
  promise: Promise<T>,
  expected: number,
  signal?: AbortSignal,
): Promise<T> {
  if (!pause || facts.kind === 'hardware' || signal?.aborted) return promise;
  const start = performance.now();
  const from = expected >= WORTH_MS && Number.isFinite(expected) ? 0 : WORTH_MS;
  const nap = (): number => {
    const waited = performance.now() - start;
    return waited >= from ? Math.min(PAUSE_MS, PAUSE_SHARE * waited) : 0;
  };
  const over = (): boolean => waiting.delete(nap);
  waiting.add(nap);
  signal?.addEventListener('abort', over, { once: true });
  void sleepBetween(pause);
  try {
    return await promise;
  } finally {
    over();
    signal?.removeEventListener('abort', over);
  }
}
