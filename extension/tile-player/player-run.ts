import type { PlayerData, PlayerNumber } from '../../kernel-lib/src/experiments/trace-player-data';

export const MIME_TYPE = 'application/vnd.flashlab.trace.v1+json';

/** JSON's stand-ins for what is not finite, replaced by the numbers themselves. */
type Decoded<T> = T extends PlayerNumber
  ? number
  : T extends (infer U)[]
    ? Decoded<U>[]
    : { [K in keyof T]: Decoded<T[K]> };

/** A traced run that was found to be whole. */
export type Run = Decoded<PlayerData>;
export type Walk = Run['flash1'];
export type Step = Walk['steps'][number];
export type Traffic = Walk['total'];
export type Matrix = readonly (readonly number[])[];
export type Algorithm = 'flash1' | 'flash2';

/** What the page can bear to draw; the library itself stays far below. */
const MOST_ROWS = 1024;
const MOST_TILES = 20_000;

class Wrong extends Error {}

/** Reads an output, which may come from anywhere; null where it is no traced run. */
export function readRun(value: unknown): Run | null {
  try {
    return run(value);
  } catch (error) {
    if (error instanceof Wrong) return null;
    throw error;
  }
}

function run(value: unknown): Run {
  const { tiles: given, scale, ...rest } = record(value);
  const [q, k] = [matrix(rest.q), matrix(rest.k)];
  matrix(rest.k, k.length, q[0].length);
  const v = matrix(rest.v, k.length);
  const sizes = { Nq: q.length, Nk: k.length, Dv: v[0].length };
  const tiles = { br: whole(record(given).br, MOST_ROWS), bc: whole(record(given).bc, MOST_ROWS) };
  check(tiles.br > 0 && tiles.bc > 0);
  const counts = { ...sizes, ...tiles, Tr: Math.ceil(q.length / tiles.br), Tc: Math.ceil(k.length / tiles.bc) };
  check(counts.Tr * counts.Tc <= MOST_TILES);
  return {
    ...{ tiles, scale: number(scale), q, k, v, s: matrix(rest.s, sizes.Nq, sizes.Nk) },
    flash1: walk(rest.flash1, counts, true),
    flash2: walk(rest.flash2, counts, false),
  };
}

interface Counts {
  readonly Nq: number;
  readonly Nk: number;
  readonly Dv: number;
  readonly br: number;
  readonly Tr: number;
  readonly Tc: number;
}

function walk(value: unknown, counts: Counts, weighted: boolean): Walk {
  const { Nq, Nk, Dv, Tr, Tc } = counts;
  const { steps: given, skipped, p, out, lse, start, total } = record(value);
  const met = new Set<number>();
  const meet = (i: number, j: number): void => {
    check(!met.has(i * Tc + j));
    met.add(i * Tc + j);
  };
  const steps = list(given).map((one) => step(one, counts, weighted));
  check(steps.length > 0);
  steps.forEach(({ i, j }) => meet(i, j));
  const left = list(skipped).map((one) => {
    const [i, j] = list(one, 2);
    const tile = [whole(i, Tr - 1), whole(j, Tc - 1)];
    meet(tile[0], tile[1]);
    return tile;
  });
  return {
    ...{ steps, skipped: left, p: matrix(p, Nq, Nk), out: matrix(out, Nq, Dv), lse: row(lse, Nq) },
    ...{ start: traffic(start), total: traffic(total) },
  };
}

function step(value: unknown, { Nq, Dv, br, Tr, Tc }: Counts, weighted: boolean): Step {
  const given = record(value);
  const [i, j] = [whole(given.i, Tr - 1), whole(given.j, Tc - 1)];
  const rows = Math.min(Nq, (i + 1) * br) - i * br;
  return {
    ...{ i, j, m: row(given.m, rows), l: row(given.l, rows), o: matrix(given.o, rows, Dv) },
    oldWeight: row(given.oldWeight, rows),
    ...(weighted && { newWeight: row(given.newWeight, rows) }),
    ...traffic(given),
    ...(given.then !== undefined && { then: traffic(given.then) }),
  };
}

function traffic(value: unknown): Traffic {
  const { reads, writes } = record(value);
  return { reads: whole(reads, Number.MAX_SAFE_INTEGER), writes: whole(writes, Number.MAX_SAFE_INTEGER) };
}

function matrix(value: unknown, rows?: number, columns?: number): number[][] {
  const lists = list(value, rows);
  check(lists.length > 0 && lists.length <= MOST_ROWS);
  const width = columns ?? list(lists[0]).length;
  check(width > 0 && width <= MOST_ROWS);
  return lists.map((one) => row(one, width));
}

const row = (value: unknown, length: number): number[] => list(value, length).map(number);

function number(value: unknown): number {
  if (value === null) return -Infinity;
  if (value === 'Infinity') return Infinity;
  if (value === 'NaN') return NaN;
  check(typeof value === 'number');
  return value as number;
}

function whole(value: unknown, most: number): number {
  check(Number.isInteger(value) && (value as number) >= 0 && (value as number) <= most);
  return value as number;
}

function list(value: unknown, length?: number): unknown[] {
  check(Array.isArray(value) && (length === undefined || value.length === length));
  return value as unknown[];
}

function record(value: unknown): Record<string, unknown> {
  check(typeof value === 'object' && value !== null && !Array.isArray(value));
  return value as Record<string, unknown>;
}

function check(holds: boolean): void {
  if (!holds) throw new Wrong();
}
