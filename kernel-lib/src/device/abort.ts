/**
 * As `promise`, but rejects with the signal's reason as soon as that is aborted, for what cannot be stopped but need not be
 * awaited: a compilation, a turn in the queue.
 * @param waiting whether there is still only waiting to give up; asked when the signal is aborted
 */
export async function abortable<T>(
  promise: Promise<T>,
  signal: AbortSignal | undefined,
  waiting: () => boolean = () => true,
): Promise<T> {
  if (!signal) return promise;
  let stop: () => void = () => undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = () => {
      if (waiting()) reject(signal.reason);
    };
    signal.addEventListener('abort', stop);
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
