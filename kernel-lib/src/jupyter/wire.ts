import { createHmac, randomUUID, timingSafeEqual } from 'node:crypto';
import { PROTOCOL_VERSION, type Header, type Json, type Message, type Outgoing } from './protocol';

/** Bytes of a content that are read; binary data travels in buffers, which have no limit. */
export const MAX_CONTENT = 2 ** 25;
/** Signatures that are remembered, by which a message that is sent once more is known; as many as jupyter_client has. */
const REMEMBERED = 65_536;

const DELIMITER = Buffer.from('<IDS|MSG>');

/** Turns messages into frames and back, signing and checking with HMAC-SHA256. */
export class Wire {
  /** This kernel's own session id, in the header of all that it sends. */
  readonly session = randomUUID();
  private readonly seen = new Set<string>();

  constructor(private readonly key: string) {}

  /** Frames of a message: idents, delimiter, signature, header, parent, metadata, content, buffers. */
  encode(idents: readonly Uint8Array[], out: Outgoing): Uint8Array[] {
    const header: Header = {
      msg_id: randomUUID(),
      session: this.session,
      username: 'kernel',
      date: new Date().toISOString(),
      msg_type: out.type,
      version: PROTOCOL_VERSION,
    };
    const parts = [header, out.parent, out.metadata ?? {}, out.content].map((part) =>
      Buffer.from(JSON.stringify(part)),
    );
    return [...idents, DELIMITER, Buffer.from(this.sign(parts)), ...parts, ...(out.buffers ?? [])];
  }

  /** The message in `frames`; throws an Error saying what is wrong with them, signature included. */
  decode(frames: readonly Uint8Array[]): Message {
    const at = frames.findIndex((frame) => DELIMITER.equals(frame));
    if (at < 0) throw new Error('no <IDS|MSG> delimiter');
    const [signature, ...rest] = frames.slice(at + 1);
    if (signature === undefined || rest.length < 4)
      throw new Error(`${frames.length - at - 1} frames after the delimiter, need 5`);
    const parts = rest.slice(0, 4);
    if (this.key !== '') {
      const expected = Buffer.from(this.sign(parts));
      if (expected.length !== signature.length || !timingSafeEqual(expected, signature))
        throw new Error('wrong signature');
      this.remember(Buffer.from(signature).toString('latin1'));
    }
    const size = parts[3]!.length;
    const [header, parent, metadata] = parts.slice(0, 3).map(parseObject);
    const content = size > MAX_CONTENT ? {} : parseObject(parts[3]!);
    if (typeof header!.msg_type !== 'string' || typeof header!.msg_id !== 'string')
      throw new Error('header without msg_type or msg_id');
    return {
      idents: frames.slice(0, at) as Uint8Array[],
      header: header as unknown as Header,
      parent: parent as unknown as Header,
      metadata: metadata!,
      content,
      buffers: rest.slice(4),
      ...(size > MAX_CONTENT && { tooLarge: size }),
    };
  }

  /** Refuses a signature that has come before: every message has an id and a date of its own. */
  private remember(signature: string): void {
    if (this.seen.has(signature)) throw new Error('the same message again');
    this.seen.add(signature);
    if (this.seen.size > REMEMBERED) this.seen.delete(this.seen.values().next().value!);
  }

  private sign(parts: readonly Uint8Array[]): string {
    if (this.key === '') return '';
    const hmac = createHmac('sha256', this.key);
    for (const part of parts) hmac.update(part);
    return hmac.digest('hex');
  }
}

function parseObject(frame: Uint8Array): Json {
  const value: unknown = JSON.parse(Buffer.from(frame).toString('utf8'));
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Error('a frame is not a JSON object');
  return value as Json;
}
