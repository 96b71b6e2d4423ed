import { randomUUID } from 'node:crypto';
import type { Json, Message } from '../protocol';

/** A message that came in over a comm. */
export interface CommMessage {
  data: Json;
  metadata: Json;
  buffers: Uint8Array[];
}

/** One end of a channel between notebook code and the front end. */
export interface Comm {
  readonly id: string;
  readonly target: string;
  /** Called for each message from the front end. */
  onMessage?: (message: CommMessage) => void;
  /** Called when the front end closes the comm. */
  onClose?: (message: CommMessage) => void;
  /** Sends JSON, with binary buffers beside it. */
  send(data: Json, buffers?: Uint8Array[]): void;
  close(data?: Json): void;
}

/** `urgent` messages belong to no request: they come from targets that are answered at once. */
type Publish = (type: string, content: Json, more: { buffers?: Uint8Array[]; urgent?: boolean }) => void;

/** Opened by the front end: `open` is what came with the request. */
export type CommTarget = (comm: Comm, open: CommMessage) => void;

/** The open comms, and who answers when the front end opens one. */
export class Comms {
  private readonly open = new Map<string, Comm>();
  private readonly targets = new Map<string, CommTarget>();
  /** Targets whose messages are not of the notebook's code, and need not wait for the cells before them. */
  private readonly atOnce = new Set<string>();

  constructor(private readonly publish: Publish) {}

  /** Answers comms that the front end opens for `target`. */
  registerTarget(target: string, answer: CommTarget, { atOnce = false } = {}): void {
    this.targets.set(target, answer);
    if (atOnce) this.atOnce.add(target);
    else this.atOnce.delete(target);
  }

  /** Whether a message is to be handled when it comes, even while a cell runs. */
  isUrgent({ header, content }: Message): boolean {
    const { comm_id: id, target_name: target } = content;
    if (header.msg_type === 'comm_open') return typeof target === 'string' && this.atOnce.has(target);
    if (!header.msg_type.startsWith('comm_') || typeof id !== 'string') return false;
    return this.atOnce.has(this.open.get(id)?.target ?? '');
  }

  unregisterTarget(target: string): void {
    this.targets.delete(target);
  }

  /** Opens a comm to the front end, which must know `target`. */
  start(target: string, data: Json = {}, buffers?: Uint8Array[]): Comm {
    const comm = this.create(randomUUID(), target);
    this.publish('comm_open', { comm_id: comm.id, target_name: target, data }, { buffers });
    return comm;
  }

  /** Content of comm_info_reply; `target` limits it to one kind. */
  info(target: unknown): Json {
    const chosen = [...this.open.values()].filter(
      (comm) => typeof target !== 'string' || target === '' || comm.target === target,
    );
    return { status: 'ok', comms: Object.fromEntries(chosen.map((comm) => [comm.id, { target_name: comm.target }])) };
  }

  handle(message: Message): void {
    const { comm_id: id, target_name: target, data } = message.content;
    if (typeof id !== 'string') throw new TypeError(`comm_id must be a string, got ${JSON.stringify(id)}`);
    const content: CommMessage = { data: (data ?? {}) as Json, metadata: message.metadata, buffers: message.buffers };
    if (message.header.msg_type === 'comm_open') {
      const answer = this.targets.get(String(target));
      if (!answer) {
        this.publish('comm_close', { comm_id: id, data: {} }, {});
        return;
      }
      const comm = this.create(id, String(target));
      try {
        answer(comm, content);
      } catch (error) {
        comm.close();
        throw error;
      }
      return;
    }
    const comm = this.open.get(id);
    if (message.header.msg_type === 'comm_close') {
      if (this.open.delete(id)) comm?.onClose?.(content);
    } else if (comm) comm.onMessage?.(content);
    // A front end may not know that the kernel was restarted.
    else this.publish('comm_close', { comm_id: id, data: {} }, {});
  }

  private create(id: string, target: string): Comm {
    const urgent = this.atOnce.has(target);
    const comm: Comm = {
      id,
      target,
      send: (data, buffers) => {
        if (this.open.has(id)) this.publish('comm_msg', { comm_id: id, data }, { buffers, urgent });
        else throw new Error(`comm ${id} (${target}) is closed`);
      },
      close: (data = {}) => {
        if (this.open.delete(id)) this.publish('comm_close', { comm_id: id, data }, { urgent });
      },
    };
    this.open.set(id, comm);
    return comm;
  }
}
