import { exactTraffic } from '../src/cost/memory-traffic';
import { trace, type TraceOptions, type TraceWalk } from '../src/experiments/trace';
import { DISPLAY } from '../src/plots/figure';
import { referenceForward } from '../src/reference';
import { randn } from '../src/tensor/random';
import { elements, parseXml } from './support/xml';

const flat = (rows: readonly (readonly number[])[]): Float64Array => Float64Array.from(rows.flat());

const cases: [string, TraceOptions][] = [
  ['the default', {}],
  ['causal', { causal: true }],
  ['tiles that divide nothing', { seq: 11, seqK: 7, dim: 3, dimV: 2, tiles: { br: 4, bc: 3 } }],
  ['more queries than keys: rows that see nothing', { seq: 9, seqK: 4, causal: true, tiles: { br: 2, bc: 3 } }],
  ['a window', { seq: 12, window: [2, 1], tiles: { br: 3, bc: 2 }, seed: 5 }],
  ['a window off the keys', { seq: 12, seqK: 3, window: [1, 0], tiles: { br: 5, bc: 2 } }],
  ['large scores', { seq: 6, scale: 1e4, dim: 4 }],
  ['one query and one key', { seq: 1, dim: 1, tiles: { br: 4, bc: 4 } }],
];

describe.each(cases)('%s', (_, options) => {
  const report = trace(options);
  const walks = [report.flash1, report.flash2];

  test('out and lse are those of plain attention', () => {
    const inputs = { q: flat(report.q), k: flat(report.k), v: flat(report.v) };
    const { out, lse } = referenceForward(report.problem, inputs);
    for (const walk of walks) {
      flat(walk.out).forEach((x, t) => expect(x).toBeCloseTo(out[t], 12));
      walk.lse.forEach((x, i) => (x === lse[i] ? undefined : expect(x).toBeCloseTo(lse[i], 8)));
    }
    expect(Math.max(report.difference.flash1, report.difference.flash2)).toBeLessThan(1e-12);
  });

  test('every tile is visited once or skipped, in the order of the loops', () => {
    const { Nq, Nk } = report.problem;
    const [Tr, Tc] = [Math.ceil(Nq / report.tiles.br), Math.ceil(Nk / report.tiles.bc)];
    for (const { algorithm, steps, skipped } of walks) {
      const rank = ({ i, j }: { i: number; j: number }): number => (algorithm === 'flash1' ? j * Tr + i : i * Tc + j);
      const ranks = steps.map(rank);
      expect(ranks).toEqual([...ranks].sort((a, b) => a - b));
      expect(new Set([...ranks, ...skipped.map(rank)]).size).toBe(Tr * Tc);
      expect(steps.length + skipped.length).toBe(Tr * Tc);
    }
  });

  test('each step goes on from where the last one on these queries ended', () => {
    for (const { steps } of walks) {
      const last = new Map<number, (typeof steps)[number]['after']>();
      for (const { i, queries, before, after, s } of steps) {
        const empty = {
          m: Array(queries.end - queries.begin).fill(-Infinity),
          l: Array(queries.end - queries.begin).fill(0),
        };
        expect(before).toMatchObject(last.get(i) ?? empty);
        last.set(i, after);
        after.m.forEach((m, r) => expect(m).toBe(Math.max(before.m[r], ...s[r])));
      }
    }
  });

  test('what crosses is what the exact terms say', () => {
    for (const walk of walks) {
      const { reads, writes } = exactTraffic(report.problem, walk.algorithm, report.tiles);
      expect([walk.reads, walk.writes]).toEqual([reads, writes]);
    }
  });
});

test('given numbers, worked by hand: two keys, one after the other', () => {
  const ln2 = Math.log(2);
  const report = trace({ q: [[1]], k: [[0], [ln2]], v: [[3], [9]], scale: 1, tiles: { br: 1, bc: 1 } });
  const states = ({ steps }: TraceWalk): unknown => steps.map(({ after: { m, l, o } }) => [m[0], l[0], o[0][0]]);
  // Weights 1 : 2, so out = (3 + 2 * 9) / 3 = 7; the maximum moves from 0 to ln 2, so the first key then weighs 1/2.
  expect(states(report.flash1)).toEqual([
    [0, 1, 3],
    [ln2, 1.5, 7],
  ]);
  expect(states(report.flash2)).toEqual([
    [0, 1, 3],
    [ln2, 1.5, 10.5],
  ]);
  expect(report.flash2.out).toEqual([[7]]);
  expect(report.flash2.lse[0]).toBeCloseTo(Math.log(3), 15);
  expect(report.flash1.steps.map(({ reads, writes }) => [reads, writes])).toEqual([
    [6, 3],
    [6, 3],
  ]);
});

test('p of FlashAttention-1 is of its tile alone, that of FlashAttention-2 of all keys so far', () => {
  const report = trace({ q: [[1]], k: [[2], [1]], v: [[1], [1]], scale: 1, tiles: { br: 1, bc: 1 } });
  expect(report.flash1.steps[1].p).toEqual([[1]]);
  expect(report.flash2.steps[1].p).toEqual([[Math.exp(-1)]]);
});

test('random numbers are those of the tensors of a report with one head', async () => {
  expect(flat(trace({ seq: 4, dim: 3, seed: 9 }).q)).toEqual(
    Float64Array.from(await randn([1, 1, 4, 3], { seed: 9 }).data()),
  );
  expect(trace({ seed: 1 }).q).toEqual(trace({ seed: 1 }).q);
  expect(trace({ seed: 1 }).q).not.toEqual(trace({ seed: 2 }).q);
});

describe('the report', () => {
  const report = trace({ causal: true, tiles: { br: 2, bc: 4 } });

  test('names visited and skipped tiles, steps and results in its tables', () => {
    const text = report.toString();
    expect(text).toMatch(/FlashAttention-1: 6 tiles visited, 2 skipped \(i,j: 0,1 {2}1,1\)/);
    expect(text).toMatch(/\n +3 +2,0 +4 +0–3 /);
    expect(text).toContain('-∞ → ');
    const tables = elements(parseXml(`<div>${String(report.parts()[1]['text/html'])}</div>`), 'table');
    // Inputs, two walks of 6 steps with 2 queries each, results.
    expect(tables.map((table) => elements(table, 'tr').length - 1)).toEqual([8, 12, 12, 8]);
  });

  test('long walks are cut in the tables, not in the fields', () => {
    const long = trace({ seq: 40, tiles: { br: 4, bc: 4 } });
    expect(long.flash1.steps).toHaveLength(100);
    expect(long.toString()).toContain('(the first 40 of 100 steps)');
  });

  test('bundles hold the player, plotly, svg and text; the figure numbers the tiles by visit', () => {
    expect(Object.keys(report[DISPLAY]()).sort()).toEqual([
      'application/vnd.flashlab.trace.v1+json',
      'application/vnd.plotly.v1+json',
      'image/svg+xml',
      'text/html',
      'text/plain',
    ]);
    const [one, , two] = report.figure.plotly.data as { text: string[][]; z: (number | null)[][] }[];
    expect(one.text).toEqual([
      ['1', ''],
      ['2', ''],
      ['3', '5'],
      ['4', '6'],
    ]);
    expect(two.text).toEqual([
      ['1', ''],
      ['2', ''],
      ['3', '4'],
      ['5', '6'],
    ]);
    expect(one.z[0][1]).toBeNull();
    expect(report.figure.text).toMatch(/FlashAttention-1.*\n.*\n.*\n +0 +1 +\.\n/);
    const svg = parseXml(report.figure.svg);
    const texts = elements(svg, 'text').map(({ text }) => text);
    expect(texts).toEqual(
      expect.arrayContaining(['FlashAttention-1: keys outside', 'query tile i', 'key tile j', '6']),
    );
    expect(report.figure.svg).not.toMatch(/NaN|Infinity/);
    expect(JSON.parse(JSON.stringify(report.figure.plotly))).toEqual(report.figure.plotly);
  });
});

test.each<[string, unknown, RegExp]>([
  ['an unknown option', { sequence: 3 }, /^sequence: no such option/],
  ['a long sequence', { seq: 129 }, /^seq: expected a whole number from 1 to 128, got 129/],
  ['a fraction', { dim: 1.5 }, /^dim: .*got 1\.5/],
  ['tiles without bc', { tiles: { br: 2 } }, /^tiles\.bc: .*got undefined/],
  ['tiles of 0', { tiles: { br: 0, bc: 2 } }, /^tiles\.br: .*got 0/],
  ['a window of one number', { window: [1] }, /^window: /],
  ['a scale that is NaN', { scale: NaN }, /^scale: /],
  ['a bad seed', { seed: -1 }, /^seed: /],
  ['rows of unlike length', { q: [[1, 2], [3]] }, /^q\[1\]: expected 1 to 64 numbers, as many as q\[0\] has/],
  ['no numbers', { k: [['a']] }, /^k\[0\]\[0\]: expected a finite number, got 'a'/],
  ['no rows', { v: [] }, /^v: expected 1 to 128 rows/],
  [
    'v of another length than k',
    { k: [[1, 2]], v: [[1], [2]] },
    /^seqK: expected 1, as the given numbers have it, got 2/,
  ],
  ['a size that the numbers contradict', { q: [[1, 2]], seq: 2 }, /^seq: expected 1.*got 2/],
])('refuses %s', (_, options, message) => {
  expect(() => trace(options as TraceOptions)).toThrow(
    expect.objectContaining({ name: 'FlashError', code: 'INVALID_ARGUMENT', message: expect.stringMatching(message) }),
  );
});
