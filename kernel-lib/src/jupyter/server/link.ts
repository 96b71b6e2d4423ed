import type { Channel, Message, Outgoing } from '../protocol';

/** What the main thread tells the socket thread. */
export type ToServer =
  | { kind: 'publish'; out: Outgoing }
  | { kind: 'reply'; channel: Channel; idents: Uint8Array[]; out: Outgoing }
  /** The compiler is loaded: from here on the main thread answers kernel_info on the shell channel. */
  | { kind: 'ready' }
  /** Asks for an echo, which comes after every message that had arrived when it was asked. */
  | { kind: 'echo'; id: number }
  /** Closes the sockets when all is sent, then answers `closed`. */
  | { kind: 'close' };

/** What the socket thread tells the main thread. */
export type FromServer =
  | { kind: 'request'; channel: Channel; message: Message }
  | { kind: 'interrupt'; sequence: number }
  | { kind: 'shutdown'; restart: boolean }
  | { kind: 'echo'; id: number }
  | { kind: 'closed' };

/** Slots of the Int32Array that the threads share; a blocked thread can still be read there. */
export const Shared = {
  /** The last interrupt that the main thread has seen. */
  interruptSeen: 0,
  /** 1 while the main thread runs code that must not be cut off, such as the compiler. */
  guarded: 1,
  /** Messages posted to the socket thread and not yet sent. */
  backlog: 2,
  /** Never written: the SIGINT thread sleeps on it. */
  never: 3,
  length: 4,
} as const;

/** Expression for the function that the socket thread has the main thread call just before it terminates what runs there. */
export const BEFORE_TERMINATION = "globalThis[Symbol.for('flashlab.beforeTermination')]";

/** What both threads are started with. */
export interface ServerData {
  connectionFile: string;
  shared: SharedArrayBuffer;
}
