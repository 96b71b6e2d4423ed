/** Something that sends one multi-part message at a time. */
export interface Sink {
  send(frames: Uint8Array[]): Promise<void>;
}

/** Sends messages in order over a socket that allows only one pending send. */
export class Outbox {
  private readonly waiting: { frames: Uint8Array[]; sent?: () => void }[] = [];
  private pump: Promise<void> | null = null;

  constructor(private readonly sink: Sink) {}

  /** Queues a message; `sent` is called when the socket has taken it, or has refused it. */
  push(frames: Uint8Array[], sent?: () => void): void {
    this.waiting.push(sent ? { frames, sent } : { frames });
    this.pump ??= this.drain();
  }

  /** Resolves when nothing is waiting. */
  async settled(): Promise<void> {
    while (this.pump) await this.pump;
  }

  private async drain(): Promise<void> {
    for (let next = this.waiting.shift(); next; next = this.waiting.shift()) {
      try {
        await this.sink.send(next.frames);
      } catch (error) {
        // A peer that went away is no reason to stop serving the others.
        process.stderr.write(`flashlab kernel: a message could not be sent: ${(error as Error).message}\n`);
      }
      next.sent?.();
    }
    this.pump = null;
  }
}
