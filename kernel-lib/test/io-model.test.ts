import { exactTraffic, leadingTraffic, leastTraffic, paperTile } from '../src/cost/memory-traffic';
import { ioModel, type IoModelOptions } from '../src/experiments/io-model';
import { DISPLAY } from '../src/plots/figure';
import { elements, parseXml } from './support/xml';

const sums = ({ reads, writes }: { reads: number; writes: number }): { reads: number; writes: number } => ({
  reads,
  writes,
});

test('leading terms of one head are those of the papers', () => {
  const [N, d, M] = [1024, 64, 16384];
  const report = ioModel({ seq: N, dim: d, M });
  expect(report.tiles).toEqual({ br: 64, bc: 64 });
  const [Tr, Tc] = [16, 16];
  expect(report.flash1.leading).toEqual({ reads: 2 * N * d + 2 * Tc * N * d, writes: Tc * N * d + 2 * Tc * N });
  expect(report.flash2.leading).toEqual({ reads: N * d + 2 * Tr * N * d, writes: N * d + N });
  expect(report.standard.leading).toEqual({ reads: 3 * N * d + 2 * N * N, writes: N * d + 2 * N * N });
});

test('fields are the cost functions at the problem and its tiles', () => {
  const report = ioModel({
    batch: 2,
    heads: 6,
    kvHeads: 3,
    seq: 100,
    seqK: 70,
    dim: 8,
    dimV: 4,
    window: [9, 3],
    M: 200,
  });
  const { problem, tiles } = report;
  expect(problem).toMatchObject({ B: 2, H: 6, Hk: 3, Nq: 100, Nk: 70, D: 8, Dv: 4, band: { left: 9, right: 3 } });
  expect(tiles).toEqual(paperTile(200, problem));
  for (const algorithm of ['standard', 'flash1', 'flash2'] as const) {
    expect(report[algorithm].leading).toEqual(leadingTraffic(problem, algorithm, tiles));
    expect(report[algorithm].exact).toEqual(exactTraffic(problem, algorithm, tiles));
  }
  expect(report.least).toEqual(leastTraffic(problem));
});

test('the sweep over lengths ends at seq, keys in step; over M the tiles follow', () => {
  const lengths = ioModel({ seq: 96, seqK: 48, tiles: { br: 8, bc: 4 } });
  expect(lengths.M).toBeNull();
  expect(lengths.sweep.points.map(({ x }) => x)).toEqual([24, 48, 96]);
  expect(lengths.sweep.points.at(-1)!.flash1).toEqual(sums(lengths.flash1.exact));
  const half = ioModel({ seq: 48, seqK: 24, tiles: { br: 8, bc: 4 } });
  expect(lengths.sweep.points[1].flash2).toEqual(sums(half.flash2.exact));
  const memory = ioModel({ seq: 96, dim: 8, M: 1024, over: 'M' });
  const point = memory.sweep.points.find(({ x }) => x === 1024)!;
  expect(point).toMatchObject({ tiles: memory.tiles, flash1: sums(memory.flash1.exact) });
  expect(memory.sweep.points.map(({ x }) => x)).toEqual([64, 128, 256, 512, 1024, 2048, 4096, 8192]);
  expect(memory.sweep.points[0].tiles).toEqual(paperTile(64, memory.problem));
});

test('causal attention skips tiles in the exact terms, not in the leading ones', () => {
  const [full, causal] = [false, true].map((one) =>
    ioModel({ seq: 512, dim: 16, tiles: { br: 16, bc: 16 }, causal: one }),
  );
  expect(causal.flash2.leading).toEqual(full.flash2.leading);
  // 32 x 33 / 2 of 32 x 32 tiles.
  const [q, kv] = [512 * 16, 2 * 512 * 16];
  expect(full.flash2.exact.reads).toBe(q + 32 * kv);
  expect(causal.flash2.exact.reads).toBe(q + (33 / 2) * kv);
});

describe('the report', () => {
  const report = ioModel({ seq: 1024, causal: true });

  test('tells the problem, both kinds of terms and each exact term', () => {
    const text = report.toString();
    expect(text).toContain('one head, N 1024, d 64, causal');
    expect(text).toContain('tiles of 64 queries x 96 keys, so Tr 16 and Tc 11');
    expect(text).toMatch(/FlashAttention-1 +2Nd \+ 2TcNd +1,572,864 +TcNd \+ 2TcN +743,424 /);
    expect(text).toMatch(/m +set to -Infinity +0 +1,024/);
    const root = parseXml(`<div>${String(report.parts()[0]['text/html'])}</div>`);
    expect(elements(root, 'table').map((table) => elements(table, 'tr').length - 1)).toEqual([4, 9, 15, 5]);
  });

  test('the figure has reads and writes of each algorithm', () => {
    const { data, layout } = report.figure.plotly;
    expect(data.map(({ name, yaxis }) => [name, yaxis])).toEqual(
      ['y', 'y2'].flatMap((axis) =>
        ['every number once', 'standard attention', 'FlashAttention-1', 'FlashAttention-2'].map((name) => [name, axis]),
      ),
    );
    const { points } = report.sweep;
    expect(data[2]).toMatchObject({ x: points.map(({ x }) => x), y: points.map(({ flash1 }) => flash1.reads / 1e6) });
    expect(data[7]).toMatchObject({ y: points.map(({ flash2 }) => flash2.writes / 1e6) });
    expect(layout).toMatchObject({ yaxis: { title: { text: 'reads (million elements)' } } });
    expect(elements(parseXml(report.figure.svg), 'text').map(({ text }) => text)).toContain(
      'writes (million elements)',
    );
    expect(Object.keys(report[DISPLAY]())).toHaveLength(4);
  });
});

test.each<[string, unknown, RegExp]>([
  ['an unknown option', { m: 3 }, /^m: no such option/],
  ['M and tiles', { M: 100, tiles: { br: 1, bc: 1 } }, /^M: expected no M beside tiles/],
  ['tiles over M', { over: 'M', tiles: { br: 1, bc: 1 } }, /^over: /],
  ['heads that do not divide', { heads: 4, kvHeads: 3 }, /^kvHeads: expected a divisor of heads \(4\), got 3/],
  ['a length of 0', { seqK: 0 }, /^seqK: .*got 0/],
  ['another sweep', { over: 'D' }, /^over: expected 'seq' or 'M', got 'D'/],
])('refuses %s', (_, options, message) => {
  expect(() => ioModel(options as IoModelOptions)).toThrow(
    expect.objectContaining({ code: 'INVALID_ARGUMENT', message: expect.stringMatching(message) }),
  );
});
