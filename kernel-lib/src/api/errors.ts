/** What went wrong, for programs; the message says it for people. */
export type FlashErrorCode =
  'INVALID_ARGUMENT' | 'SHAPE' | 'DTYPE' | 'DISPOSED' | 'UNSUPPORTED' | 'NO_ADAPTER' | 'DEVICE_LOST' | 'OUT_OF_MEMORY';

/** The one error type of this library. Its message names the argument, what was expected and what came. */
export class FlashError extends Error {
  override readonly name = 'FlashError';

  constructor(
    readonly code: FlashErrorCode,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }
}
