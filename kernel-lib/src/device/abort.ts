let ambient: () => AbortSignal | undefined = () => undefined;

/** Says which signal ends a call that was given none; a notebook's is that of the cell that calls. */
export function setSignalSource(source: () => AbortSignal | undefined): void {
  ambient = source;
}

/** The signal of a call: the given one, else the surroundings'. */
export const signalOf = ({ signal }: { readonly signal?: AbortSignal }): AbortSignal | undefined => signal ?? ambient();

/**
 * As `promise`, but rejects with the signal's reason as soon as that is aborted, for what cannot be stopped but need not be
 * awaited: a compilation, a turn in the queue, a submit.
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
    if (signal.aborted) stop();
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
