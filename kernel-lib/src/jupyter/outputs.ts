import type { Header, Outgoing } from './protocol';

type StreamName = 'stdout' | 'stderr';
type Parent = Header | Record<string, never>;

/** Text that is sent at once when it grows to this many UTF-16 units. */
const FULL = 1 << 16;
/** How long text may be kept to join what follows, in milliseconds. */
const KEEP_MS = 20;

/** Sends what cells put out, in order; small pieces of text in quick succession become one message. */
export class Outputs {
  private text = '';
  private name: StreamName = 'stdout';
  private parent: Parent = {};
  private since = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly send: (out: Outgoing) => void) {}

  stream(parent: Parent, name: StreamName, text: string): void {
    if (text === '') return;
    if (this.text !== '' && (this.parent !== parent || this.name !== name)) this.flush();
    if (this.text === '') {
      Object.assign(this, { parent, name, since: Date.now() });
      this.timer = setTimeout(() => this.flush(), KEEP_MS);
    }
    this.text += text;
    // The clock is looked at here too: a synchronous loop never lets the timer fire.
    if (this.text.length >= FULL || Date.now() - this.since > KEEP_MS) this.flush();
  }

  publish(out: Outgoing): void {
    this.flush();
    this.send(out);
  }

  flush(): void {
    clearTimeout(this.timer);
    if (this.text === '') return;
    const { text, name, parent } = this;
    this.text = '';
    this.send({ type: 'stream', content: { name, text }, parent });
  }
}
