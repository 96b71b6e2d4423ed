import * as path from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Channel, Message, Outgoing } from '../protocol';
import { Shared, type FromServer, type ServerData, type ToServer } from './link';

/** What the socket thread reports to the kernel. */
export interface ServerEvents {
  request(channel: Channel, message: Message): void;
  interrupt(): void;
  shutdown(restart: boolean): void;
  /** The sockets could not be opened or served. */
  failed(error: Error): void;
}

/** Messages that may wait for the socket thread before the sender is held back. */
const BACKLOG_LIMIT = 2000;

/** The main thread's end of the socket thread. */
export class Server {
  private readonly worker: Worker;
  private readonly shared: Int32Array;
  private readonly echoes = new Map<number, () => void>();
  private nextEcho = 0;
  private closed: (() => void) | undefined;

  constructor(connectionFile: string, events: ServerEvents) {
    const shared = new SharedArrayBuffer(4 * Shared.length);
    this.shared = new Int32Array(shared);
    const data: ServerData = { connectionFile, shared };
    this.worker = new Worker(path.join(__dirname, 'main.js'), { workerData: data });
    this.worker.on('error', (error) => events.failed(error));
    this.worker.on('message', (message: FromServer) => {
      switch (message.kind) {
        case 'request':
          events.request(message.channel, message.message);
          return;
        case 'interrupt':
          Atomics.store(this.shared, Shared.interruptSeen, message.sequence);
          events.interrupt();
          return;
        case 'shutdown':
          events.shutdown(message.restart);
          return;
        case 'echo':
          this.echoes.get(message.id)?.();
          this.echoes.delete(message.id);
          return;
        case 'closed':
          this.closed?.();
      }
    });
  }

  publish(out: Outgoing): void {
    this.post({ kind: 'publish', out });
  }

  reply(channel: Channel, idents: Uint8Array[], out: Outgoing): void {
    this.post({ kind: 'reply', channel, idents, out });
  }

  /** Says that requests are answered by the main thread from now on. */
  ready(): void {
    this.worker.postMessage({ kind: 'ready' } satisfies ToServer);
  }

  /** Resolves when all requests that have reached this machine's sockets by now are in the queue. */
  echo(): Promise<void> {
    const id = this.nextEcho++;
    return new Promise((resolve) => {
      this.echoes.set(id, resolve);
      this.worker.postMessage({ kind: 'echo', id } satisfies ToServer);
    });
  }

  /** Runs `work`, which an interrupt must not cut off: half-done, it would leave the compiler unusable. */
  guarded<T>(work: () => T): T {
    Atomics.store(this.shared, Shared.guarded, 1);
    try {
      return work();
    } finally {
      Atomics.store(this.shared, Shared.guarded, 0);
    }
  }

  /** Sends what is left and closes the sockets. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      this.closed = resolve;
      this.worker.postMessage({ kind: 'close' } satisfies ToServer);
    });
  }

  private post(message: ToServer): void {
    // A loop that prints faster than the sockets send would fill the memory; it is slowed down instead.
    const backlog = Atomics.add(this.shared, Shared.backlog, 1) + 1;
    if (backlog > BACKLOG_LIMIT) Atomics.wait(this.shared, Shared.backlog, backlog, 100);
    this.worker.postMessage(message);
  }
}
