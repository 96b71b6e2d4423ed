/** Random choices that a seed repeats: a counter of golden-ratio steps through a 32-bit mixer (the SplitMix of Steele et al. 2014). */
export class Dice {
  private state: number;

  /** @param seed whole number 0 .. 2^32-1; neighbouring seeds give unrelated choices */
  constructor(seed: number) {
    this.state = Math.imul(seed, 0x85ebca6b);
  }

  /** In [0, 1). */
  fraction(): number {
    this.state = (this.state + 0x9e3779b9) | 0;
    let z = this.state ^ (this.state >>> 16);
    z = Math.imul(z, 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return ((z ^ (z >>> 15)) >>> 0) / 2 ** 32;
  }

  chance(probability: number): boolean {
    return this.fraction() < probability;
  }

  /** A whole number from `least` to `most`. */
  whole(least: number, most: number): number {
    return least + Math.floor(this.fraction() * (most - least + 1));
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.whole(0, choices.length - 1)];
  }
}
