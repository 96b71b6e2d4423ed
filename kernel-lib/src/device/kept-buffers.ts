/** A buffer that may be kept has at most so many bytes; all kept ones together have at most so many. */
const LARGEST = 2 ** 22;
const TOGETHER = 2 ** 25;

/** Buffers of a size, at the most: the garbage collector may free thousands of tensors at once. */
const ALIKE = 64;

/**
 * Buffers of freed tensors and of temporary results, kept for the next call: making one takes longer than a small kernel runs. A
 * call that is repeated gets the same ones in the same places, so that what was prepared for them can be used again.
 */
export class KeptBuffers {
  /** By size and usage, what was given last at the end. */
  private readonly alike = new Map<string, GPUBuffer[]>();
  /** The number of each buffer, by the order in which they came here for the first time. */
  private readonly numbers = new WeakMap<GPUBuffer, number>();
  private next = 0;
  /** Of all that are kept. */
  bytes = 0;

  /** A buffer of this size, with whatever is in it: the one with the lowest number. */
  take(size: number, usage: GPUBufferUsageFlags): GPUBuffer | undefined {
    const buffer = this.alike.get(`${size} ${usage}`)?.shift();
    if (buffer) this.bytes -= size;
    return buffer;
  }

  /** Takes a buffer over, unless there are enough of its size; those of sizes that nobody gave for long make room for it. */
  give(buffer: GPUBuffer): boolean {
    const { size, usage } = buffer;
    const key = `${size} ${usage}`;
    const same = this.alike.get(key) ?? [];
    if (size > LARGEST || same.length === ALIKE || (same.length + 1) * size > TOGETHER) return false;
    this.alike.delete(key);
    this.makeRoom(size);
    this.alike.set(key, same);
    const number = this.numbers.get(buffer) ?? this.next++;
    this.numbers.set(buffer, number);
    const after = same.findIndex((other) => this.numbers.get(other)! > number);
    same.splice(after < 0 ? same.length : after, 0, buffer);
    this.bytes += size;
    return true;
  }

  private makeRoom(size: number): void {
    for (const [key, buffers] of this.alike) {
      if (this.bytes + size <= TOGETHER) return;
      for (const buffer of buffers) {
        this.bytes -= buffer.size;
        buffer.destroy();
      }
      this.alike.delete(key);
    }
  }

  /** Gives their memory back. */
  destroy(): void {
    for (const buffer of [...this.alike.values()].flat()) buffer.destroy();
    this.alike.clear();
    this.bytes = 0;
  }
}
