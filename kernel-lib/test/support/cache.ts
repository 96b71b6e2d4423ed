import * as flash from '../../src/node';

// A cache on the host: where the rows of each batch entry lie, what they hold, and full attention over them.

export type Element = 'f32' | 'f16' | 'i8';

export interface CacheShape {
  /** Entries of the cache, or its pages. */
  readonly pages: number;
  /** Rows of an entry or page. */
  readonly rows: number;
  readonly Hk: number;
  readonly D: number;
  readonly Dv: number;
  readonly element: Element;
}

/** A cache full of random numbers, none of which anyone has appended: what a call must neither read nor change shows. */
export function randomCache({ pages, rows, Hk, D, Dv, element }: CacheShape, seed = 50): flash.KvCache {
  const make = (width: number, n: number): flash.Tensor => {
    const shape = [pages, rows, Hk, width];
    if (element !== 'i8') return flash.randn(shape, { seed: n, dtype: element });
    const bytes = Float32Array.from({ length: pages * rows * Hk * width }, (_, x) => ((x * 40503 + n) % 255) - 127);
    return flash.tensor(bytes, shape, { dtype: 'i8' });
  };
  const scales = (n: number): flash.Tensor => {
    const shape = [pages, Math.ceil(rows / 32), Hk];
    const numbers = Float32Array.from({ length: shape[0] * shape[1] * Hk }, (_, x) => 0.01 + ((x * 7 + n) % 5) / 400);
    return flash.tensor(numbers, shape);
  };
  return {
    ...{ k: make(D, seed), v: make(Dv, seed + 1) },
    ...(element === 'i8' ? { kScales: scales(seed), vScales: scales(seed + 1) } : {}),
  };
}

/** A page (or entry) of each batch entry's rows, in order. */
export type Table = readonly (readonly number[])[];

/** The numbers of k or v that row j of a batch entry has, (Hk,width). */
export interface Rows {
  readonly width: number;
  row(b: number, j: number): Float32Array;
}

/** What k or v of a cache holds now, with the scales of an i8 cache multiplied in. */
export async function rowsOf(cache: flash.KvCache, name: 'k' | 'v', table: Table): Promise<Rows> {
  const { shape, dtype } = cache[name];
  const [, rows, Hk, width] = shape;
  const numbers = await cache[name].data();
  const scales = dtype === 'i8' ? await cache[`${name}Scales`]!.data() : null;
  const blocks = Math.ceil(rows / 32);
  return {
    width,
    row(b, j) {
      const page = table[b][Math.floor(j / rows)];
      const at = (page * rows + (j % rows)) * Hk * width;
      const found = numbers.slice(at, at + Hk * width);
      if (!scales) return found;
      return found.map(
        (x, n) => x * scales[(page * blocks + Math.floor((j % rows) / 32)) * Hk + Math.floor(n / width)],
      );
    },
  };
}

/** `length` rows of batch entry b, from row `first` on, as a tensor (1,length,Hk,width). */
export function keysOf(rows: Rows, b: number, length: number, Hk: number, first = 0): flash.Tensor {
  const numbers = new Float32Array(length * Hk * rows.width);
  for (let j = 0; j < length; j++) numbers.set(rows.row(b, first + j), j * Hk * rows.width);
  return flash.tensor(numbers, [1, length, Hk, rows.width]);
}

/** Cosines and sines (positions, R / 2) of a rotary embedding. */
export interface Angles {
  readonly R: number;
  readonly interleaved: boolean;
  readonly cos: Float32Array;
  readonly sin: Float32Array;
}

export function angles(positions: number, R: number, interleaved: boolean): Angles {
  const angle = (n: number): number => Math.floor(n / (R / 2)) * 100 ** (-(n % (R / 2)) / (R / 2));
  const table = (f: (x: number) => number): Float32Array =>
    Float32Array.from({ length: (positions * R) / 2 }, (_, n) => f(angle(n)));
  return { R, interleaved, cos: table(Math.cos), sin: table(Math.sin) };
}

/** x (rows,heads,D), the rows of one batch entry, each turned by the position that `positionOf` tells. */
export function turned(
  x: Float32Array,
  heads: number,
  D: number,
  { R, interleaved, cos, sin }: Angles,
  positionOf: (i: number) => number,
): Float32Array {
  const result = x.slice();
  for (let row = 0; row < x.length / D; row++) {
    const t = positionOf(Math.floor(row / heads));
    for (let n = 0; n < R / 2; n++) {
      const [a, b] = interleaved ? [2 * n, 2 * n + 1] : [n, n + R / 2];
      const [c, s] = [cos[(t * R) / 2 + n], sin[(t * R) / 2 + n]];
      result[row * D + a] = x[row * D + a] * c - x[row * D + b] * s;
      result[row * D + b] = x[row * D + b] * c + x[row * D + a] * s;
    }
  }
  return result;
}
