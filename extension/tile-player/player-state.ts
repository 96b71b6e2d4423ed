import type { Algorithm, Matrix, Run, Step, Traffic, Walk } from './player-run';

/** Indices from `begin` up to, and not including, `end`. */
export interface Range {
  readonly begin: number;
  readonly end: number;
}

/** What online softmax keeps of each query of a tile. */
export interface RowState {
  readonly m: readonly number[];
  readonly l: readonly number[];
  readonly o: Matrix;
}

export type TileState = 'now' | 'visited' | 'coming' | 'skipped';
export type OutState = 'now' | 'none' | 'partial' | 'done';

/** A walk with all that does not change from step to step. */
export interface Course {
  readonly algorithm: Algorithm;
  readonly run: Run;
  readonly walk: Walk;
  readonly queryTiles: readonly Range[];
  readonly keyTiles: readonly Range[];
  /** At which step a tile is visited, [i][j]; -1 for one that is skipped. */
  readonly order: readonly (readonly number[])[];
  /** For each step, the visit before to the same queries; -1 for the first. */
  readonly previous: readonly number[];
  /** For each query tile, its first and last visit; null where it has none. */
  readonly visits: readonly ({ readonly first: number; readonly last: number } | null)[];
  /** What has crossed when a step is over. */
  readonly crossed: readonly Traffic[];
}

/** One step as it is drawn. */
export interface Moment {
  readonly index: number;
  readonly step: Step;
  readonly queries: Range;
  readonly keys: Range;
  readonly before: RowState;
  /** Scores and weights of the tile. */
  readonly s: Matrix;
  readonly p: Matrix;
  /** These queries meet their first keys, or their last. */
  readonly first: boolean;
  readonly last: boolean;
  /** What is loaded for this step; what is not has stayed on chip. */
  readonly loaded: { readonly q: boolean; readonly kv: boolean; readonly state: boolean };
  /** What crosses in this step, what follows it included; and all until then. */
  readonly traffic: Traffic;
  readonly crossed: Traffic;
}

export function courseOf(run: Run, algorithm: Algorithm): Course {
  const walk = run[algorithm];
  const queryTiles = ranges(run.q.length, run.tiles.br);
  const keyTiles = ranges(run.k.length, run.tiles.bc);
  const order = queryTiles.map(() => Array<number>(keyTiles.length).fill(-1));
  const visits: ({ first: number; last: number } | null)[] = queryTiles.map(() => null);
  const previous: number[] = [];
  const crossed: Traffic[] = [];
  let sum = walk.start;
  walk.steps.forEach((step, n) => {
    const { i, j } = step;
    order[i][j] = n;
    previous.push(visits[i]?.last ?? -1);
    visits[i] = { first: visits[i]?.first ?? n, last: n };
    sum = plus(sum, trafficOf(step));
    crossed.push(sum);
  });
  return { algorithm, run, walk, queryTiles, keyTiles, order, previous, visits, crossed };
}

export function momentAt(course: Course, index: number): Moment {
  const { algorithm, run, walk, previous, visits } = course;
  const step = walk.steps[index];
  const [queries, keys] = [course.queryTiles[step.i], course.keyTiles[step.j]];
  const last = walk.steps[index - 1] as Step | undefined;
  const flash1 = algorithm === 'flash1';
  return {
    ...{ index, step, queries, keys },
    before: previous[index] < 0 ? nothing(step) : walk.steps[previous[index]],
    s: part(run.s, queries, keys),
    p: part(walk.p, queries, keys),
    first: previous[index] < 0,
    last: visits[step.i]?.last === index,
    loaded: { q: flash1 || last?.i !== step.i, kv: !flash1 || last?.j !== step.j, state: flash1 },
    traffic: trafficOf(step),
    crossed: course.crossed[index],
  };
}

export function tileState({ order }: Course, index: number, i: number, j: number): TileState {
  const visit = order[i][j];
  if (visit < 0) return 'skipped';
  return visit === index ? 'now' : visit < index ? 'visited' : 'coming';
}

/** How far O of a query tile has come. Queries that see no key are done at once: their out is 0. */
export function outState({ visits, walk }: Course, index: number, i: number): OutState {
  if (walk.steps[index].i === i) return 'now';
  const visit = visits[i];
  if (visit === null || visit.last < index) return 'done';
  return visit.first < index ? 'partial' : 'none';
}

/** The step that visits the same tile in another course, else the first. */
export function sameTile(from: Course, index: number, to: Course): number {
  const { i, j } = from.walk.steps[index];
  return Math.max(0, to.order[i][j]);
}

/** Rows and columns of a matrix. */
export function part(matrix: Matrix, rows: Range, columns?: Range): Matrix {
  const chosen = matrix.slice(rows.begin, rows.end);
  return columns ? chosen.map((row) => row.slice(columns.begin, columns.end)) : chosen;
}

/** The largest finite size of a number in a matrix; 0 where there is none. */
export function largest(matrix: Matrix): number {
  let most = 0;
  for (const row of matrix) for (const x of row) if (Number.isFinite(x)) most = Math.max(most, Math.abs(x));
  return most;
}

const plus = (a: Traffic, b: Traffic): Traffic => ({ reads: a.reads + b.reads, writes: a.writes + b.writes });

const trafficOf = ({ reads, writes, then }: Step): Traffic => plus({ reads, writes }, then ?? { reads: 0, writes: 0 });

const nothing = ({ m, o }: Step): RowState => ({
  m: m.map(() => -Infinity),
  l: m.map(() => 0),
  o: o.map((row) => row.map(() => 0)),
});

function ranges(length: number, step: number): Range[] {
  const count = Math.ceil(length / step);
  return Array.from({ length: count }, (_, t) => ({ begin: t * step, end: Math.min((t + 1) * step, length) }));
}
