import { trace, type TraceOptions, type TraceReport, type TraceWalk } from '../../kernel-lib/src/experiments/trace';
import { geometryOf, gridPath, unseenPath } from '../tile-player/tile-geometry';
import { heatOf, heatPaths } from '../tile-player/heat-paths';
import { PlayerModel } from '../tile-player/player-model';
import { MIME_TYPE, readRun, type Algorithm, type Run } from '../tile-player/player-run';
import { courseOf, momentAt, outState, sameTile, tileState, type Moment } from '../tile-player/player-state';
import { changeWords, numberText, stepWords } from '../tile-player/player-words';

const causal: TraceOptions = { seq: 8, causal: true, tiles: { br: 2, bc: 2 } };

/** What a notebook keeps of a trace. */
const saved = (report: TraceReport): Record<string, unknown> =>
  JSON.parse(JSON.stringify(report.parts()[0][MIME_TYPE])) as Record<string, unknown>;

const runOf = (options: TraceOptions): Run => readRun(saved(trace(options)))!;

/** English, with its values put in. */
const trans = {
  __: (words: string, ...values: unknown[]) => words.replace(/%(\d)/g, (_, n) => String(values[Number(n) - 1])),
} as Parameters<typeof stepWords>[0];

/** Equal to about four digits. */
function expectNear(given: unknown, wanted: unknown): void {
  if (Array.isArray(wanted)) {
    expect(given).toHaveLength(wanted.length);
    wanted.forEach((one, t) => expectNear((given as unknown[])[t], one));
  } else if (given !== wanted) {
    expect(Math.abs((given as number) - (wanted as number))).toBeLessThanOrEqual(5.001e-4 * Math.abs(wanted as number));
  }
}

describe('readRun', () => {
  test('what is not finite is itself again', () => {
    expect(runOf({ seq: 2, causal: true }).s[0][1]).toBe(-Infinity);
    const huge = runOf({ q: [[1e200]], k: [[1e200]], v: [[1]], scale: 1 });
    expect(huge.s).toEqual([[Infinity]]);
    expect(huge.flash2.steps[0].l).toEqual([NaN]);
  });

  const wrong = (change: (data: ReturnType<typeof saved>) => void): unknown => {
    const data = saved(trace(causal));
    change(data);
    return data;
  };
  type Steps = { flash1: { steps: Record<string, unknown>[]; [name: string]: unknown } };
  const inWalk = (change: (walk: Steps['flash1']) => void): unknown =>
    wrong((data) => change((data as unknown as Steps).flash1));

  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['text', '<b>no</b>'],
    ['a list', []],
    ['an empty object', {}],
    ['no walk', wrong((data) => delete data.flash2)],
    ['tiles of 0', wrong((data) => (data.tiles = { br: 0, bc: 2 }))],
    ['tiles of a fraction', wrong((data) => (data.tiles = { br: 1.5, bc: 2 }))],
    ['a number that is a word', wrong((data) => (data.scale = 'two'))],
    ['rows of unlike length', wrong((data) => ((data.q as unknown[])[3] = [1]))],
    ['no rows', wrong((data) => (data.v = []))],
    ['scores of too few queries', wrong((data) => (data.s as unknown[]).pop())],
    ['a width of nothing', wrong((data) => (data.q = Array(8).fill([])))],
    ['very many rows', wrong((data) => (data.q = Array(5000).fill([1, 2])))],
    ['no steps', inWalk((walk) => (walk.steps = []))],
    ['a tile that is not there', inWalk(({ steps }) => (steps[0].i = 4))],
    ['a tile before the first', inWalk(({ steps }) => (steps[0].j = -1))],
    ['a tile visited twice', inWalk(({ steps }) => (steps[1] = steps[0]))],
    ['a tile visited and skipped', inWalk((walk) => (walk.skipped = [[0, 0]]))],
    ['a state of too few queries', inWalk(({ steps }) => (steps[2].m = [1]))],
    ['an O that is no matrix', inWalk(({ steps }) => (steps[2].o = [1, 2]))],
    ['less than nothing read', inWalk(({ steps }) => (steps[2].reads = -1))],
    ['steps without weights', inWalk(({ steps }) => delete steps[2].newWeight)],
  ])('refuses %s', (_, value) => {
    expect(readRun(value)).toBeNull();
  });
});

const cases: [string, TraceOptions][] = [
  ['causal', causal],
  ['tiles that divide nothing', { seq: 11, seqK: 7, dim: 3, dimV: 2, tiles: { br: 4, bc: 3 } }],
  ['rows that see nothing', { seq: 9, seqK: 4, causal: true, tiles: { br: 2, bc: 3 } }],
  ['a window', { seq: 12, window: [2, 1], tiles: { br: 3, bc: 2 }, seed: 5 }],
];

describe.each(cases)('moments: %s', (_, options) => {
  const report = trace(options);
  const run = readRun(saved(report))!;

  test.each<Algorithm>(['flash1', 'flash2'])('%s: each step is as it was traced', (algorithm) => {
    const course = courseOf(run, algorithm);
    const walk: TraceWalk = report[algorithm];
    walk.steps.forEach((step, n) => {
      const moment = momentAt(course, n);
      expect([moment.queries, moment.keys]).toEqual([step.queries, step.keys]);
      expectNear([moment.s, moment.p], [step.s, step.p]);
      for (const name of ['m', 'l', 'o'] as const) {
        expectNear(moment.before[name], step.before[name]);
        expectNear(moment.step[name], step.after[name]);
      }
    });
    expect(course.crossed.at(-1)).toEqual({ reads: walk.reads, writes: walk.writes });
  });
});

describe('what a step shows', () => {
  const run = runOf(causal);
  const [flash1, flash2] = [courseOf(run, 'flash1'), courseOf(run, 'flash2')];
  const loads = ({ loaded: { q, kv, state } }: Moment): boolean[] => [q, kv, state];

  test('FlashAttention-1 loads K and V when j changes, FlashAttention-2 Q when i changes', () => {
    expect([0, 1, 4].map((n) => loads(momentAt(flash1, n)))).toEqual([
      [true, true, true],
      [true, false, true],
      [true, true, true],
    ]);
    expect([0, 1, 2].map((n) => loads(momentAt(flash2, n)))).toEqual([
      [true, true, false],
      [true, true, false],
      [false, true, false],
    ]);
  });

  test('tiles are visited, on chip, to come or skipped', () => {
    const row = (i: number): string[] => [0, 1, 2, 3].map((j) => tileState(flash2, 4, i, j));
    expect([0, 1, 2, 3].map(row)).toEqual([
      ['visited', 'skipped', 'skipped', 'skipped'],
      ['visited', 'visited', 'skipped', 'skipped'],
      ['visited', 'now', 'coming', 'skipped'],
      ['coming', 'coming', 'coming', 'coming'],
    ]);
  });

  test('O is final row by row in FlashAttention-2, for many rows partial in FlashAttention-1', () => {
    const states = (course: typeof flash1, n: number): string[] => [0, 1, 2, 3].map((i) => outState(course, n, i));
    expect(states(flash2, 4)).toEqual(['done', 'done', 'now', 'none']);
    expect(states(flash1, 1)).toEqual(['done', 'now', 'none', 'none']);
    expect(states(flash1, 4)).toEqual(['done', 'now', 'partial', 'partial']);
  });

  test('the last keys of queries store their results', () => {
    expect(momentAt(flash2, 2)).toMatchObject({ last: true, traffic: { reads: 8, writes: 6 } });
    expect(momentAt(flash2, 3)).toMatchObject({ last: false, traffic: { writes: 0 } });
  });

  test('the same tile is found in the other order', () => {
    const there = sameTile(flash2, 4, flash1);
    expect(flash1.walk.steps[there]).toMatchObject({ i: 2, j: 1 });
  });
});

describe('the model', () => {
  test('steps stay within the walk, and who listens hears of each change', () => {
    const model = new PlayerModel(runOf(causal));
    let told = 0;
    const stop = model.subscribe(() => told++);
    model.goTo(3);
    expect(model.position()).toEqual({ algorithm: 'flash2', index: 3, playing: false, speed: 1 });
    model.goTo(-5);
    expect(model.position().index).toBe(0);
    model.goTo(99);
    expect(model.position().index).toBe(9);
    stop();
    model.goTo(1);
    expect(told).toBe(3);
  });

  test('plays to the end, begins again from there, and a step by hand ends it', () => {
    const model = new PlayerModel(runOf(causal));
    model.goTo(8);
    model.toggle();
    expect(model.position().playing).toBe(true);
    model.tick();
    expect(model.position()).toMatchObject({ index: 9, playing: false });
    model.toggle();
    expect(model.position()).toMatchObject({ index: 0, playing: true });
    model.goTo(1);
    expect(model.position().playing).toBe(false);
  });

  test('the other algorithm shows the same tile; one step is not played', () => {
    const model = new PlayerModel(runOf(causal));
    model.goTo(4);
    model.choose('flash1');
    expect(model.position()).toMatchObject({ algorithm: 'flash1', index: 5 });
    const one = new PlayerModel(runOf({ seq: 1 }));
    one.toggle();
    expect(one.position()).toMatchObject({ index: 0, playing: false });
  });
});

describe('words', () => {
  const run = runOf({ q: [[1]], k: [[0], [Math.log(2)], [-1]], v: [[3], [9], [1]], scale: 1, tiles: { br: 1, bc: 1 } });
  const words = (algorithm: Algorithm, n: number, of = run): string => {
    const course = courseOf(of, algorithm);
    return changeWords(trans, course, momentAt(course, n));
  };

  test('a step says whom it brings together, and what happens to m, l and O', () => {
    const course = courseOf(runOf(causal), 'flash2');
    expect(stepWords(trans, course, momentAt(course, 4))).toBe('Step 5 of 10: queries 4–5 meet keys 2–3.');
    expect(words('flash2', 0)).toBe('These queries meet their first keys: m, l and O begin here.');
    expect(words('flash2', 1)).toBe(
      '1 of 1 row maxima rose; what was summed up is scaled by exp(m_old − m_new) = 0.500.',
    );
    expect(words('flash2', 2)).toMatch(/^No row maximum rose, .* O is divided by l and stored as out/);
  });

  test('FlashAttention-1 scales what the tile adds where its maximum is below m', () => {
    expect(words('flash1', 1)).toMatch(/^1 of 1 row maxima rose; the old l, .* = 0\.500\.$/);
    expect(words('flash1', 2)).toMatch(/scaled by exp\(max S − m\) = 0\.184\. .* lse = m \+ log\(l\) is stored\.$/);
  });

  test('queries that see no key of the tile are counted', () => {
    const blind = runOf({ seq: 4, seqK: 2, causal: true, tiles: { br: 4, bc: 2 } });
    expect(words('flash2', 0, blind)).toContain('2 of 4 queries see none of these keys');
  });

  test('queries that begin on a later tile are not among those whose maximum stays', () => {
    const window = runOf({ seq: 12, window: [2, 1], tiles: { br: 4, bc: 2 } });
    const course = courseOf(window, 'flash2');
    const n = course.walk.steps.findIndex(({ i, j }) => i === 1 && j === 2);
    expect(words('flash2', n, window)).toMatch(/^2 of 4 queries meet their first keys: their m, l and O begin here\./);
  });

  test.each([
    [-Infinity, '−∞'],
    [Infinity, '∞'],
    [NaN, 'NaN'],
    [0, '0'],
    [1, '1'],
    [-0.5, '−0.500'],
    [0.01234, '0.0123'],
    [0.0001234, '1.2e−4'],
    [1234.4, '1234'],
    [-1234567, '−1.2e6'],
  ])('%d reads %s', (x, text) => {
    expect(numberText(x)).toBe(text);
  });
});

describe('pictures', () => {
  test('a map of many cells stays small, one of few is no line', () => {
    expect(geometryOf(128, 128).matrix).toMatchObject({ width: 384, height: 384 });
    expect(geometryOf(1, 128).matrix).toMatchObject({ height: 27 });
    const geometry = geometryOf(2, 2);
    expect(geometry.tile({ begin: 1, end: 2 }, { begin: 0, end: 2 })).toEqual({
      ...{ x: geometry.matrix.x, width: 54 },
      ...{ y: geometry.matrix.y + 27, height: 27 },
    });
    expect(gridPath(128, 128, geometryOf(128, 128))).toBe('');
  });

  test('masked cells of a row are one rectangle', () => {
    const geometry = geometryOf(2, 3);
    const path = unseenPath(
      [
        [0, -Infinity, -Infinity],
        [0, 1, -Infinity],
      ],
      geometry,
    );
    expect(path.match(/M/g)).toHaveLength(2);
    expect(path).toContain(`h${2 * geometry.cell.width}v`);
  });

  test('a large matrix is drawn in a few shades of both signs', () => {
    const matrix = [Array.from({ length: 100 }, (_, c) => c - 50), Array(100).fill(-Infinity)];
    const paths = heatPaths(matrix, 50, 4);
    expect(paths.length).toBeLessThan(30);
    expect(new Set(paths.map(({ sign }) => sign))).toEqual(new Set(['above', 'below', 'unseen']));
    expect([heatOf(Infinity, 2), heatOf(NaN, 2), heatOf(1, 0), heatOf(-1, 2)]).toEqual([1, 0, 0, 0.5]);
  });
});
