/** Bytes that are kept once nothing has come for a while. */
const RESTING = 2 ** 25;
const IDLE_MS = 10_000;

/** Buffers of a size, at the most: the garbage collector may free thousands of tensors at once. */
const ALIKE = 64;

/**
 * Buffers of freed tensors and of temporary results, kept for the next call: making one takes longer than a small kernel runs, and
 * the first touch of its memory can take as long as a large one. A call that is repeated gets the same ones in the same places, so
 * that what was prepared for them can be used again.
 */
export class KeptBuffers {
  /** By size and usage, what was given last at the end. */
  private readonly alike = new Map<string, GPUBuffer[]>();
  /** The number of each buffer, by the order in which they came here for the first time. */
  private readonly numbers = new WeakMap<GPUBuffer, number>();
  private next = 0;
  private givenAt = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  /** Of all that are kept. */
  bytes = 0;

  /**
   * @param together bytes of all of them, at the most; a single one has half of that at the most
   * @param rested called when some were given back because nothing had come for a while
   */
  constructor(
    private readonly together: number,
    private readonly rested: () => void,
  ) {}

  /** A buffer of this size, with whatever is in it: the one with the lowest number. */
  take(size: number, usage: GPUBufferUsageFlags): GPUBuffer | undefined {
    const key = `${size} ${usage}`;
    const same = this.alike.get(key);
    const buffer = same?.shift();
    if (!buffer) return undefined;
    if (same!.length === 0) this.alike.delete(key);
    this.bytes -= size;
    return buffer;
  }

  /** Takes a buffer over, unless there are enough of its size; those of sizes that nobody gave for long make room for it. */
  give(buffer: GPUBuffer): boolean {
    const { size, usage } = buffer;
    const key = `${size} ${usage}`;
    const same = this.alike.get(key) ?? [];
    if (size > this.together / 2 || same.length === ALIKE || (same.length + 1) * size > this.together) return false;
    this.alike.delete(key);
    this.shrink(this.together - size);
    this.alike.set(key, same);
    const number = this.numbers.get(buffer) ?? this.next++;
    this.numbers.set(buffer, number);
    const after = same.findIndex((other) => this.numbers.get(other)! > number);
    same.splice(after < 0 ? same.length : after, 0, buffer);
    this.bytes += size;
    this.givenAt = performance.now();
    if (this.bytes > RESTING) this.timer ??= this.wait(IDLE_MS);
    return true;
  }

  private wait(ms: number): ReturnType<typeof setTimeout> {
    const timer = setTimeout(() => {
      const left = this.givenAt + IDLE_MS - performance.now();
      this.timer = left > 0 ? this.wait(left) : undefined;
      if (left > 0 || this.bytes <= RESTING) return;
      this.shrink(RESTING, this.largestFirst());
      this.rested();
    }, ms);
    // In Node a timer would keep the process.
    (timer as { unref?(): void }).unref?.();
    return timer;
  }

  private largestFirst(): [string, GPUBuffer[]][] {
    return [...this.alike].sort(([, [a]], [, [b]]) => b.size - a.size);
  }

  /**
   * Gives sizes back until at most so many bytes are left.
   * @param sizes the first of them first; by itself, those that were not given for the longest time
   */
  private shrink(bytes: number, sizes: Iterable<[string, GPUBuffer[]]> = this.alike): void {
    for (const [key, buffers] of sizes) {
      if (this.bytes <= bytes) return;
      for (const buffer of buffers) {
        this.bytes -= buffer.size;
        buffer.destroy();
      }
      this.alike.delete(key);
    }
  }

  /** Gives their memory back. */
  destroy(): void {
    this.shrink(-1);
  }
}
