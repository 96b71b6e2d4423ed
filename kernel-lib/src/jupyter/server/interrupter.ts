import { Session } from 'node:inspector';
import { BEFORE_TERMINATION, Shared, type FromServer } from './link';

/** How long the main thread may take to notice an interrupt by itself, in milliseconds. */
const GRACE_MS = 1000;
/** How often a good moment to terminate is looked for; where there is none in so many, it is done all the same. */
const ATTEMPTS = 500;

/**
 * Stops what the main thread runs. It is first asked by a message; when it does not look (a synchronous loop after an
 * `await`, which no signal handler of Node reaches), its execution is terminated from here through the inspector.
 */
export class Interrupter {
  private sequence = 0;

  constructor(
    private readonly post: (message: FromServer) => void,
    private readonly shared: Int32Array,
  ) {}

  interrupt(): void {
    const impatient = !this.seen(this.sequence);
    const sequence = ++this.sequence;
    this.post({ kind: 'interrupt', sequence });
    // Whoever asks twice does not want to wait.
    setTimeout(() => this.insist(sequence), impatient ? 50 : GRACE_MS);
  }

  private seen(sequence: number): boolean {
    return Atomics.load(this.shared, Shared.interruptSeen) >= sequence;
  }

  private insist(sequence: number): void {
    if (this.seen(sequence)) return;
    if (Atomics.load(this.shared, Shared.guarded) === 1) {
      setTimeout(() => this.insist(sequence), 50);
      return;
    }
    const session = new Session();
    session.connectToMainThread();
    this.terminate(session, ATTEMPTS);
  }

  private terminate(session: Session, attempts: number): void {
    session.post('Runtime.evaluate', { expression: `${BEFORE_TERMINATION}()`, returnByValue: true }, (_, reply) => {
      // The loop was caught at a moment at which it must not end, such as inside Node's own bookkeeping; the next is near.
      if (reply?.result.value !== true && attempts > 0) setTimeout(() => this.terminate(session, attempts - 1), 1);
      else session.post('Runtime.terminateExecution', () => session.disconnect());
    });
  }
}
