import { trace, type TraceOptions, type TraceWalk } from '../src/experiments/trace';
import { playerData } from '../src/experiments/trace-player';
import type { PlayerData, PlayerNumber, PlayerWalk } from '../src/experiments/trace-player-data';
import { DISPLAY } from '../src/plots/figure';

const TYPE = 'application/vnd.flashlab.trace.v1+json';

/** What the player is given: its data, written to a notebook and read again. */
const read = (options: TraceOptions): PlayerData => JSON.parse(JSON.stringify(playerData(trace(options))));

const value = (x: PlayerNumber): number => (x === null ? -Infinity : Number(x));

/** Six digits of each number, and the infinities themselves. */
function expectNear(given: unknown, wanted: unknown): void {
  if (Array.isArray(wanted)) {
    expect(given).toHaveLength(wanted.length);
    wanted.forEach((one, t) => expectNear((given as unknown[])[t], one));
  } else {
    const [x, y] = [value(given as PlayerNumber), wanted as number];
    if (x !== y) expect(Math.abs(x - y)).toBeLessThanOrEqual(5.001e-6 * Math.abs(y));
  }
}

const cases: [string, TraceOptions][] = [
  ['the default', {}],
  ['causal', { causal: true }],
  ['tiles that divide nothing', { seq: 11, seqK: 7, dim: 3, dimV: 2, tiles: { br: 4, bc: 3 } }],
  ['rows that see nothing', { seq: 9, seqK: 4, causal: true, tiles: { br: 2, bc: 3 } }],
  ['a window', { seq: 12, window: [2, 1], tiles: { br: 3, bc: 2 }, seed: 5 }],
];

describe.each(cases)('%s', (_, options) => {
  const report = trace(options);
  const data = read(options);
  const walks: [TraceWalk, PlayerWalk][] = [
    [report.flash1, data.flash1],
    [report.flash2, data.flash2],
  ];

  test('tells inputs, visits, skipped tiles, states and results as the walks do', () => {
    expect(data.tiles).toEqual(report.tiles);
    for (const name of ['q', 'k', 'v'] as const) expectNear(data[name], report[name]);
    for (const [walk, player] of walks) {
      expect(player.steps.map(({ i, j }) => [i, j])).toEqual(walk.steps.map(({ i, j }) => [i, j]));
      expect(player.skipped).toEqual(walk.skipped.map(({ i, j }) => [i, j]));
      expectNear(player.out, walk.out);
      expectNear(player.lse, walk.lse);
      walk.steps.forEach(({ after, reads, writes }, n) => {
        const step = player.steps[n];
        expectNear([step.m, step.l, step.o], [after.m, after.l, after.o]);
        expect([step.reads, step.writes]).toEqual([reads, writes]);
      });
    }
  });

  test('tells s and p of each visit, in their places', () => {
    for (const [walk, player] of walks) {
      for (const { queries, keys, s, p } of walk.steps) {
        const tile = (whole: PlayerNumber[][]): PlayerNumber[][] =>
          whole.slice(queries.begin, queries.end).map((row) => row.slice(keys.begin, keys.end));
        expectNear(tile(data.s), s);
        expectNear(tile(player.p), p);
      }
    }
  });

  test('the weights make the state after a visit of the one before and of p v', () => {
    for (const [walk, player] of walks) {
      walk.steps.forEach(({ before, after, rowSum }, n) => {
        const { oldWeight, newWeight } = player.steps[n];
        after.l.forEach((l, r) => {
          const added = rowSum[r] * (newWeight ? value(newWeight[r]) : 1);
          expect(value(oldWeight[r]) * before.l[r] + added).toBeCloseTo(l, 2);
        });
      });
    }
  });

  test('start, visits and what follows them add up to what crosses all in all', () => {
    for (const [walk, { start, steps, total }] of walks) {
      expect(total).toEqual({ reads: walk.reads, writes: walk.writes });
      for (const name of ['reads', 'writes'] as const) {
        const crossed = steps.reduce((sum, step) => sum + step[name] + (step.then?.[name] ?? 0), start[name]);
        expect(crossed).toBe(total[name]);
        expect(start[name]).toBeGreaterThanOrEqual(0);
      }
    }
  });
});

test('before the first visit flash1 stores O, l and m; flash2 is done with queries that see nothing', () => {
  const { flash1, flash2 } = read({ seq: 4, seqK: 2, dim: 3, causal: true, tiles: { br: 2, bc: 2 } });
  expect(flash1.start).toEqual({ reads: 0, writes: 4 * (3 + 2) });
  expect(flash1.steps.at(-1)!.then).toEqual({ reads: 2 * 4, writes: 4 });
  expect(flash2.start).toEqual({ reads: 2 * 3, writes: 2 * (3 + 1) });
  expect(flash2.steps.map(({ then }) => then)).toEqual([{ reads: 0, writes: 2 * (3 + 1) }]);
});

test('what is not finite outlives JSON: -Infinity as null, the others as words', () => {
  const { s, flash2 } = read({ seq: 3, causal: true, tiles: { br: 3, bc: 3 } });
  expect(s[0].slice(1)).toEqual([null, null]);
  expect(flash2.steps[0].oldWeight).toEqual([0, 0, 0]);
  const huge = { q: [[1e200]], k: [[1e200]], v: [[1]], scale: 1 };
  expect(read(huge).s).toEqual([['Infinity']]);
  expect(read(huge).flash2.steps[0]).toMatchObject({ m: ['Infinity'], l: ['NaN'] });
});

test('stands beside the figure, which stays as it is', () => {
  const report = trace({ causal: true });
  const [figure, tables] = report.parts();
  expect(Object.keys(tables)).toEqual(['text/html', 'text/plain']);
  expect(Object.keys(figure)).toEqual([TYPE, 'application/vnd.plotly.v1+json', 'image/svg+xml', 'text/plain']);
  expect(figure[TYPE]).toEqual(playerData(report));
  expect(report[DISPLAY]()[TYPE]).toEqual(playerData(report));
});

test.each<[string, TraceOptions]>([
  ['so many numbers that they are not written down', { seq: 128, dim: 64, tiles: { br: 1, bc: 1 } }],
  ['a text of more than a megabyte', { seq: 128, tiles: { br: 2, bc: 2 } }],
])('left out with one sentence: %s', (_, options) => {
  const report = trace(options);
  const [figure, tables] = report.parts();
  expect(Object.keys(figure)).toEqual(['application/vnd.plotly.v1+json', 'image/svg+xml', 'text/plain']);
  expect(tables['text/html']).toContain('The player is left out: its data would be more than 1 MB.');
  expect(report.toString()).toContain('The player is left out');
});

test('a hundred keys and tiles of usual size are played', () => {
  const report = trace({ seq: 128, dim: 16, tiles: { br: 16, bc: 16 }, causal: true });
  expect(JSON.stringify(playerData(report)).length).toBeLessThan(700_000);
  expect(report.toString()).not.toContain('The player is left out');
});
