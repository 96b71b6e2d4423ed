import type { Matrix, TraceStep, TraceWalk } from './tiled-trace';
import type { TraceReport } from './trace';
import type {
  PlayerData,
  PlayerMatrix,
  PlayerNumber,
  PlayerStep,
  PlayerTraffic,
  PlayerWalk,
} from './trace-player-data';

/** The extension's player draws outputs of this type. */
export const PLAYER_TYPE = 'application/vnd.flashlab.trace.v1+json';

/** A notebook keeps its outputs, and is read and saved as a whole. */
const MOST_CHARACTERS = 1_000_000;

/** More than are shown: what is rounded here is rounded again for the reader. */
const DIGITS = 6;

type Traced = Pick<TraceReport, 'problem' | 'tiles' | 'q' | 'k' | 'v' | 'flash1' | 'flash2'>;

/** The run as JSON for the player; null where that would be longer than about a megabyte. */
export function playerData(report: Traced): PlayerData | null {
  const { problem, tiles, q, k, v, flash1, flash2 } = report;
  // A number and its comma are two characters at least: no need to write down what is too long anyhow.
  const numbers = [flash1, flash2].flatMap(({ steps }) => steps).reduce((sum, { after }) => sum + count(after.o), 0);
  if (2 * numbers > MOST_CHARACTERS) return null;
  const blank = (fill: number): number[][] => q.map(() => k.map(() => fill));
  const data: PlayerData = {
    tiles: { br: tiles.br, bc: tiles.bc },
    scale: Number(problem.scale.toPrecision(DIGITS)),
    ...{ q: rounded(q), k: rounded(k), v: rounded(v) },
    s: rounded(assembled(blank(-Infinity), flash1, 's')),
    flash1: walkData(flash1, report, assembled(blank(0), flash1, 'p')),
    flash2: walkData(flash2, report, assembled(blank(0), flash2, 'p')),
  };
  return JSON.stringify(data).length > MOST_CHARACTERS ? null : data;
}

const count = (rows: Matrix): number => rows.length * rows[0].length;

function encoded(x: number): PlayerNumber {
  if (x === -Infinity) return null;
  return Number.isFinite(x) ? Number(x.toPrecision(DIGITS)) : x > 0 ? 'Infinity' : 'NaN';
}

const rounded = (rows: Matrix): PlayerMatrix => rows.map((row) => row.map(encoded));

/** The tiles of all visits, each in its place. */
function assembled(whole: number[][], { steps }: TraceWalk, name: 's' | 'p'): Matrix {
  for (const step of steps) {
    step[name].forEach((row, r) => row.forEach((x, c) => (whole[step.queries.begin + r][step.keys.begin + c] = x)));
  }
  return whole;
}

function walkData(walk: TraceWalk, { problem }: Traced, p: Matrix): PlayerWalk {
  const { steps, skipped, out, lse, reads, writes } = walk;
  const written = steps.map((_, n) => stepData(walk, n, then(walk, n, problem)));
  const crossed = (name: 'reads' | 'writes'): number =>
    written.reduce((sum, step) => sum + step[name] + (step.then?.[name] ?? 0), 0);
  return {
    steps: written,
    skipped: skipped.map(({ i, j }) => [i, j]),
    ...{ p: rounded(p), out: rounded(out), lse: lse.map(encoded) },
    // FlashAttention-1 stores its first O, l and m; FlashAttention-2 is done at once with queries that see nothing.
    start: { reads: reads - crossed('reads'), writes: writes - crossed('writes') },
    total: { reads, writes },
  };
}

function stepData({ algorithm, steps }: TraceWalk, n: number, after: PlayerTraffic | undefined): PlayerStep {
  const step = steps[n];
  const { m, l, o } = step.after;
  return {
    ...{ i: step.i, j: step.j, m: m.map(encoded), l: l.map(encoded), o: rounded(o) },
    oldWeight: weights(step.before.m, m),
    ...(algorithm === 'flash1' && { newWeight: weights(step.rowMax, m) }),
    ...{ reads: step.reads, writes: step.writes },
    ...(after && { then: after }),
  };
}

const weights = (from: readonly number[], to: readonly number[]): PlayerNumber[] =>
  from.map((top, r) => encoded(top === -Infinity ? 0 : Math.exp(top - to[r])));

/** FlashAttention-1 makes lse of m and l in the end; FlashAttention-2 stores out and lse with the last keys of each query. */
function then({ algorithm, steps }: TraceWalk, n: number, { Nq, Dv }: Traced['problem']): PlayerTraffic | undefined {
  const [{ i, queries }, next] = [steps[n], steps[n + 1] as TraceStep | undefined];
  if (algorithm === 'flash1') return next ? undefined : { reads: 2 * Nq, writes: Nq };
  return next?.i === i ? undefined : { reads: 0, writes: (queries.end - queries.begin) * (Dv + 1) };
}
