import { AsyncLocalStorage } from 'node:async_hooks';

/**
 * Terminating JavaScript from another thread skips the bookkeeping by which Node follows asynchronous work, which it
 * checks strictly where someone follows it, as an AsyncLocalStorage does before Node 24: Node would abort. So following
 * stops just before, and afterwards an error that nobody catches makes Node reset its books. (The checks of their nesting
 * cannot be passed this way: the kernelspec starts Node with --no-force-async-hooks-checks.)
 */
const RECOVERY = new Error('resets the books after a termination');
const MUST_NOT_END = /node:(internal\/)?async_hooks|[\\/]dist[\\/]cjs[\\/]jupyter[\\/]/;
/** The storages that follow asynchronous work. */
const following = new Set<AsyncLocalStorage<unknown>>();
let terminated = false;

/** Lets the socket thread announce a termination, see BEFORE_TERMINATION in server/link.ts. Call it before all else. */
export function prepareForTermination(): void {
  // Node's own name for the step in which a storage begins to follow; newer versions have none, and need none.
  const storages = AsyncLocalStorage.prototype as unknown as { _enable?: () => void };
  const enable = storages._enable;
  if (enable) {
    storages._enable = function (this: AsyncLocalStorage<unknown>) {
      following.add(this);
      enable.call(this);
    };
  }
  Object.defineProperty(globalThis, Symbol.for('flashlab.beforeTermination'), {
    value: () => {
      if (!interruptible()) return false;
      terminated = true;
      // Its next use enables a storage again.
      for (const storage of following) storage.disable();
      following.clear();
      return true;
    },
  });
}

/** Whether what runs is a cell or what it calls, but neither Node's bookkeeping nor this kernel sending output. */
function interruptible(): boolean {
  const frames = (new Error().stack ?? '').split('\n').filter((frame) => !frame.includes(__filename));
  const cell = frames.findIndex((frame) => frame.includes('flashlab-cell-'));
  return !frames.slice(0, cell < 0 ? frames.length : cell).some((frame) => MUST_NOT_END.test(frame));
}

/** To be called last in the first event after a termination; throws if there was one. */
export function recoverFromTermination(): void {
  if (!terminated) return;
  terminated = false;
  throw RECOVERY;
}

/** Whether an uncaught error is the one of `recoverFromTermination`. */
export function isRecovery(error: unknown): boolean {
  return error === RECOVERY;
}
