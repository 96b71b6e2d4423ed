import { Dice } from '../check/dice';
import { normals } from '../tensor/random';

/** A hidden input and its name in messages, such as 'N = 37, bc = 16'. */
export interface Case<I extends readonly unknown[]> {
  readonly label: string;
  readonly input: I;
}

/** Random inputs that a seed repeats. */
export class Draw extends Dice {
  private drawn: number;

  constructor(seed: number) {
    super(seed);
    this.drawn = seed * 1000;
  }

  /** `count` numbers from the normal distribution with standard deviation `scale`, as float32 has them. */
  list(count: number, scale = 1): number[] {
    return Array.from(normals(this.drawn++, count), (x) => Math.fround(scale * x));
  }

  /** A matrix of `rows` lists. */
  matrix(rows: number, columns: number, scale = 1): number[][] {
    return Array.from({ length: rows }, () => this.list(columns, scale));
  }
}

/**
 * A case for each of `sizes`, in order: what the exercise has to get right is in that table, the numbers are drawn.
 * @param seed tells this exercise's numbers from those of others
 */
export function drawCases<S, I extends readonly unknown[]>(
  seed: number,
  sizes: readonly S[],
  label: (size: S) => string,
  make: (size: S, draw: Draw) => I,
): Case<I>[] {
  return sizes.map((size, n) => ({ label: label(size), input: make(size, new Draw(seed * 1000 + n)) }));
}
