import { CAUSAL, NO_FEATURES, type Band } from '../src/api/problem';
import { exactTraffic, leadingTraffic, leastTraffic, paperTile, type Traffic } from '../src/cost/memory-traffic';
import { visitedKeyTiles, visitedQueryTiles, type TileSize } from '../src/cost/tile-visits';

type Sizes = Parameters<typeof exactTraffic>[0];

/** Counts elements by tensor, as loops over tiles touch them. */
class Counter {
  reads = 0;
  writes = 0;
  read(...elements: number[]): void {
    this.reads += elements.reduce((a, b) => a + b, 0);
  }
  write(...elements: number[]): void {
    this.writes += elements.reduce((a, b) => a + b, 0);
  }
}

/** The loops of both papers over one head, tile by tile and pair by pair. */
function walk(algorithm: 'flash1' | 'flash2', { Nq, Nk, D, Dv, band }: Sizes, { br, bc }: TileSize): Counter {
  const count = new Counter();
  const rows = (i: number): number => Math.min(br, Nq - i * br);
  const keys = (j: number): number => Math.min(bc, Nk - j * bc);
  const visited = (i: number, j: number): boolean => {
    for (let y = i * br; y < i * br + rows(i); y++) {
      for (let x = j * bc; x < j * bc + keys(j); x++) {
        const diagonal = y + Nk - Nq;
        if (diagonal - band.left <= x && x <= diagonal + band.right) return true;
      }
    }
    return false;
  };
  const [Tr, Tc] = [Math.ceil(Nq / br), Math.ceil(Nk / bc)];
  if (algorithm === 'flash1') {
    count.write(Nq * Dv, Nq, Nq);
    for (let j = 0; j < Tc; j++) {
      let loaded = false;
      for (let i = 0; i < Tr; i++) {
        if (!visited(i, j)) continue;
        if (!loaded) count.read(keys(j) * D, keys(j) * Dv);
        loaded = true;
        count.read(rows(i) * D, rows(i) * Dv, rows(i), rows(i));
        count.write(rows(i) * Dv, rows(i), rows(i));
      }
    }
    count.read(Nq, Nq);
    count.write(Nq);
  } else {
    for (let i = 0; i < Tr; i++) {
      count.read(rows(i) * D);
      for (let j = 0; j < Tc; j++) if (visited(i, j)) count.read(keys(j) * D, keys(j) * Dv);
      count.write(rows(i) * Dv, rows(i));
    }
  }
  return count;
}

const base: Sizes = { ...NO_FEATURES, B: 1, H: 1, Hk: 1, Nq: 8, Nk: 8, D: 3, Dv: 2 };
const totals = ({ reads, writes }: Traffic | Counter): { reads: number; writes: number } => ({ reads, writes });

const bands: [string, Band][] = [
  ['full', NO_FEATURES.band],
  ['causal', CAUSAL],
  ['window', { left: 2, right: 1 }],
  ['narrow', { left: 0, right: 0 }],
  ['ahead', { left: 0, right: Infinity }],
];

describe.each(bands)('%s', (_, band) => {
  describe.each([
    [8, 8],
    [9, 5],
    [5, 13],
    [1, 11],
    [11, 1],
    [20, 3],
  ])('Nq %i, Nk %i', (Nq, Nk) => {
    const sizes = { ...base, Nq, Nk, band };
    test.each<TileSize>([
      { br: 2, bc: 2 },
      { br: 3, bc: 4 },
      { br: 1, bc: 1 },
      { br: 64, bc: 2 },
      { br: 4, bc: 64 },
    ])('tiles %j: exact terms are what counted loops touch', (tile) => {
      for (const algorithm of ['flash1', 'flash2'] as const) {
        expect(totals(exactTraffic(sizes, algorithm, tile))).toEqual(totals(walk(algorithm, sizes, tile)));
      }
    });

    test('a tile is visited by rows and by columns alike', () => {
      const tile = { br: 2, bc: 3 };
      for (let i = 0; i * tile.br < Nq; i++) {
        for (let j = 0; j * tile.bc < Nk; j++) {
          const [keys, queries] = [visitedKeyTiles(sizes, tile, i), visitedQueryTiles(sizes, tile, j)];
          expect(keys.begin <= j && j < keys.end).toBe(queries.begin <= i && i < queries.end);
        }
      }
    });
  });
});

test('batches, heads and packed sequences add up; a group of heads reads its keys for each head', () => {
  const tile = { br: 4, bc: 2 };
  const lengths = [
    { Nq: 5, Nk: 7 },
    { Nq: 0, Nk: 3 },
    { Nq: 4, Nk: 0 },
    { Nq: 6, Nk: 6 },
  ];
  const sequences = { cuSeqlensQ: Int32Array.of(0, 5, 5, 9, 15), cuSeqlensK: Int32Array.of(0, 7, 10, 10, 16) };
  const packed = { ...base, B: 4, H: 6, Hk: 2, Nq: 6, Nk: 7, band: CAUSAL, sequences };
  for (const algorithm of ['flash1', 'flash2'] as const) {
    const counts = lengths.map((one) => walk(algorithm, { ...packed, ...one }, tile));
    expect(totals(exactTraffic(packed, algorithm, tile))).toEqual({
      reads: counts.reduce((sum, { reads }) => sum + 6 * reads, 0),
      writes: counts.reduce((sum, { writes }) => sum + 6 * writes, 0),
    });
    const one = exactTraffic(base, algorithm, tile);
    expect(exactTraffic({ ...base, B: 3, H: 4, Hk: 2 }, algorithm, tile).reads).toBe(12 * one.reads);
  }
});

test('terms add up to the sums, and tell FlashAttention-1 from the leading terms', () => {
  const [N, d] = [96, 16];
  const sizes = { ...base, Nq: N, Nk: N, D: d, Dv: d };
  const tile = { br: 8, bc: 12 };
  const [Tr, Tc] = [12, 8];
  for (const algorithm of ['standard', 'flash1', 'flash2'] as const) {
    const { terms, ...sums } = exactTraffic(sizes, algorithm, tile);
    expect(sums).toEqual({
      reads: terms.reduce((sum, { reads }) => sum + reads, 0),
      writes: terms.reduce((sum, { writes }) => sum + writes, 0),
    });
  }
  expect(leadingTraffic(sizes, 'flash1', tile)).toEqual({
    reads: 2 * N * d + 2 * Tc * N * d,
    writes: Tc * N * d + 2 * Tc * N,
  });
  expect(leadingTraffic(sizes, 'flash2', tile)).toEqual({ reads: N * d + 2 * Tr * N * d, writes: N * d + N });
  expect(leadingTraffic(sizes, 'standard', tile)).toEqual({ reads: 3 * N * d + 2 * N * N, writes: N * d + 2 * N * N });
  // Beyond the leading terms: l and m read for every tile and once for lse; O, l, m set at the start, and lse.
  const exact = exactTraffic(sizes, 'flash1', tile);
  const leading = leadingTraffic(sizes, 'flash1', tile);
  expect(exact.reads - leading.reads).toBe(2 * Tc * N + 2 * N);
  expect(exact.writes - leading.writes).toBe(N * d + 2 * N + N);
  expect(totals(exactTraffic(sizes, 'flash2', tile))).toEqual(leadingTraffic(sizes, 'flash2', tile));
  expect(exactTraffic(sizes, 'standard', tile).writes).toBe(leadingTraffic(sizes, 'standard', tile).writes + N);
});

test('the least is every tensor once, keys and values once for the heads that share them', () => {
  const sizes = { ...base, B: 2, H: 6, Hk: 3, Nq: 5, Nk: 7 };
  expect(leastTraffic(sizes)).toEqual({
    reads: 2 * (6 * 5 * 3 + 3 * 7 * 3 + 3 * 7 * 2),
    writes: 2 * 6 * (5 * 2 + 5),
  });
});

test.each([
  [1024, 64, 64, { br: 4, bc: 4 }],
  [25_000, 64, 64, { br: 64, bc: 98 }],
  [4096, 3, 3, { br: 3, bc: 342 }],
  [100, 16, 8, { br: 3, bc: 3 }],
  [1, 128, 128, { br: 1, bc: 1 }],
])('M %i, D %i, Dv %i: tiles %j', (M, D, Dv, tile) => expect(paperTile(M, { D, Dv })).toEqual(tile));
