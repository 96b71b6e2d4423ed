import { checkFeatures } from '../api/check-features';
import { checkNames, fail } from '../api/checks';
import { NO_FEATURES, type Problem } from '../api/problem';
import type { TileSize } from '../cost/tile-visits';
import { keyBegin, keyEnd } from '../features/band';
import { checkSeed, normals } from '../tensor/random';
import { seedOf } from './run-inputs';
import { tileSize, wholeNumber } from './size-options';
import type { Matrix, TraceProblem } from './tiled-trace';

/** Options of `flash.trace`: one small head of attention. */
export interface TraceOptions {
  /** Nq, the number of queries, up to 128. Default 8. */
  seq?: number;
  /** Nk, the number of keys, up to 128. Default `seq`. */
  seqK?: number;
  /** D, the head size of queries and keys, up to 64. Default 2. */
  dim?: number;
  /** Dv, the head size of values and outputs, up to 64. Default `dim`. */
  dimV?: number;
  /** Queries (br) and keys (bc) of a tile. Default 2 x 2. */
  tiles?: { br: number; bc: number };
  /** Factor of q.k before softmax. Default 1/sqrt(D). */
  scale?: number;
  /** Query i sees key j only where j <= i + Nk - Nq. Default false. */
  causal?: boolean;
  /** [left, right]: query i sees key j only where i + Nk - Nq - left <= j <= i + Nk - Nq + right; -1 is unbounded. */
  window?: readonly [number, number];
  /** Seed of random q, k and v, which are then those of `%%flash.attention` with batch 1 and heads 1. Default 0. */
  seed?: number;
  /** Rows of numbers in place of random ones; the sizes come from them. */
  q?: Matrix;
  k?: Matrix;
  v?: Matrix;
}

export interface TracePlan {
  readonly problem: Problem;
  readonly tiles: TileSize;
  readonly seed: number;
  readonly head: TraceProblem;
}

const NAMES = ['seq', 'seqK', 'dim', 'dimV', 'tiles', 'scale', 'causal', 'window', 'seed', 'q', 'k', 'v'];
const MAX_LENGTH = 128;
const MAX_WIDTH = 64;

/** Checks the options and fills in the defaults; throws a FlashError (INVALID_ARGUMENT). */
export function planTrace(options: TraceOptions = {}): TracePlan {
  checkNames(options, NAMES);
  const seed = checkSeed(options.seed) ?? 0;
  const given = { q: matrix('q', options.q), k: matrix('k', options.k), v: matrix('v', options.v) };
  const agreed = (name: 'seq' | 'seqK' | 'dim' | 'dimV', fallback: number, from: (number | undefined)[]): number => {
    const most = name === 'seq' || name === 'seqK' ? MAX_LENGTH : MAX_WIDTH;
    const [size = wholeNumber(name, options[name], fallback, most)] = from.filter((n) => n !== undefined);
    for (const other of [options[name], ...from]) {
      if (other !== undefined && other !== size) fail(name, `${size}, as the given numbers have it`, other);
    }
    return size;
  };
  const Nq = agreed('seq', 8, [given.q?.length]);
  const Nk = agreed('seqK', Nq, [given.k?.length, given.v?.length]);
  const D = agreed('dim', 2, [given.q?.[0].length, given.k?.[0].length]);
  const Dv = agreed('dimV', D, [given.v?.[0].length]);
  const { scale = 1 / Math.sqrt(D), causal, window } = options;
  if (typeof scale !== 'number' || !Number.isFinite(scale)) fail('scale', 'a finite number', scale);
  const shape = { B: 1, H: 1, Hk: 1, Nq, Nk, D, Dv, dtype: 'f32', layout: 'bhnd', packing: 'none' } as const;
  const { band } = checkFeatures({ causal, window }, shape);
  const problem: Problem = { ...NO_FEATURES, ...shape, scale, band };
  const head: TraceProblem = {
    q: given.q ?? random(seed, 0, Nq, D),
    k: given.k ?? random(seed, 1, Nk, D),
    v: given.v ?? random(seed, 2, Nk, Dv),
    scale,
    sees: (i, j) => keyBegin(problem, i) <= j && j < keyEnd(problem, i),
  };
  return { problem, tiles: tileSize(options.tiles, MAX_LENGTH) ?? { br: 2, bc: 2 }, seed, head };
}

function random(seed: number, index: number, rows: number, width: number): Matrix {
  const numbers = [...normals(seedOf(seed, index), rows * width)];
  return Array.from({ length: rows }, (_, r) => numbers.slice(r * width, (r + 1) * width));
}

/** A copy of given rows of numbers, all of one length. */
function matrix(name: string, given: unknown): Matrix | undefined {
  if (given === undefined) return undefined;
  if (!Array.isArray(given) || given.length < 1 || given.length > MAX_LENGTH) {
    fail(name, `1 to ${MAX_LENGTH} rows of numbers`, given);
  }
  const width: unknown = given[0]?.length;
  return given.map((row: unknown, r) => {
    const good = Array.isArray(row) && row.length === width && row.length >= 1 && row.length <= MAX_WIDTH;
    if (!good) fail(`${name}[${r}]`, `1 to ${MAX_WIDTH} numbers, as many as ${name}[0] has`, row);
    const odd = row.findIndex((x) => typeof x !== 'number' || !Number.isFinite(x));
    if (odd >= 0) fail(`${name}[${r}][${odd}]`, 'a finite number', row[odd]);
    return [...(row as number[])];
  });
}
