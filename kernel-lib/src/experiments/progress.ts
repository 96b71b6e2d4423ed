/** Adds up the progress of weighted steps into one fraction that never falls and ends at 1. */
export class Progress {
  private done = 0;
  private shown = 0;

  /** `total` is the sum of the weights of all steps to come, in any unit. */
  constructor(
    private readonly total: number,
    private readonly report?: (fraction: number) => void,
  ) {}

  /** Runs a step; `body` may tell how far it is (0 to 1) on the way. */
  async step<T>(weight: number, body: (onProgress: (fraction: number) => void) => Promise<T>): Promise<T> {
    const result = await body((fraction) => this.show(this.done + weight * fraction));
    this.done += weight;
    this.show(this.done);
    return result;
  }

  /** The work is over, whatever the weights said. */
  finish(): void {
    this.show(this.total);
  }

  private show(done: number): void {
    const fraction = Math.min(1, done / this.total);
    if (!(fraction > this.shown)) return;
    this.shown = fraction;
    this.report?.(fraction);
  }
}
