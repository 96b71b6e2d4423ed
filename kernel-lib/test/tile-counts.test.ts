import { chooseBackward, chooseForward } from '../src/api/choose-path';
import { type Band, CAUSAL, NO_FEATURES, type Problem } from '../src/api/problem';
import type { DeviceFacts } from '../src/device/device';
import { sequenceLengths } from '../src/features/sequences';

// info.tiles against the formula: a tile is visited where the band leaves it a pair, counted here pair by pair.

const facts: DeviceFacts = {
  ...{ kind: 'software', driver: 'lavapipe', workgroupStorage: 32768, maxInvocations: 1024, maxWorkgroups: 65535 },
  ...{ maxBinding: 2 ** 27, maxBuffer: 2 ** 28, maxStorageBuffers: 16, subgroupSize: 8 },
};

const base: Problem = {
  ...NO_FEATURES,
  ...{ B: 2, H: 3, Hk: 3, Nq: 20, Nk: 20, D: 16, Dv: 16, scale: 1 },
  ...{ layout: 'bhnd', packing: 'none', dtype: 'f32' },
};

interface Count {
  br: number;
  bc: number;
  visited: number;
  total: number;
}

function brute(p: Problem, br: number, bc: number): Count {
  const { left, right, topLeft } = p.band;
  let visited = 0;
  let total = 0;
  for (const { Nq, Nk } of sequenceLengths(p)) {
    const tiles = new Set<string>();
    for (let i = 0; i < Nq; i++) {
      const centre = topLeft ? i : i + Nk - Nq;
      for (let j = 0; j < Nk; j++) {
        if (centre - left <= j && j <= centre + right) tiles.add(`${Math.floor(i / br)} ${Math.floor(j / bc)}`);
      }
    }
    visited += tiles.size;
    total += Math.ceil(Nq / br) * Math.ceil(Nk / bc);
  }
  return { br, bc, visited: p.H * visited, total: p.H * total };
}

const bands: Band[] = [
  { left: Infinity, right: Infinity },
  CAUSAL,
  { left: 0, right: 0 },
  { left: 6, right: 0 },
  { left: 3, right: 5 },
  { left: Infinity, right: 2 },
  { left: 2, right: Infinity },
  { ...CAUSAL, topLeft: true },
];
const lengths = [
  [20, 20],
  [1, 1],
  [33, 17],
  [5, 40],
  [64, 3],
  [1, 50],
  [16, 16],
];
const sequences = {
  cuSeqlensQ: Int32Array.of(0, 9, 9, 12, 27, 28),
  cuSeqlensK: Int32Array.of(0, 14, 21, 21, 25, 60),
};
const problems: [string, Partial<Problem>][] = [
  ...lengths.map(([Nq, Nk]): [string, Partial<Problem>] => [`${Nq} queries, ${Nk} keys`, { Nq, Nk }]),
  ['packed sequences, some empty', { B: 5, Nq: 15, Nk: 35, sequences }],
];

describe.each(['flash2', 'flash1'] as const)('tiles that %s visits', (algorithm) => {
  describe.each(problems)('%s', (_, sizes) => {
    test.each(bands)('%j', (band) => {
      const problem = { ...base, ...sizes, band };
      for (const tiles of [
        { br: 4, bc: 4 },
        { br: 1, bc: 1 },
        { br: 7, bc: 3 },
        { br: 2, bc: 16 },
        { br: 32, bc: 5 },
      ]) {
        const plan = chooseForward({ problem, algorithm, tiles }, facts);
        expect(plan.tiles).toEqual(brute(problem, tiles.br, tiles.bc));
        const { br, bc } = chooseBackward({ problem, algorithm, tiles }, facts).tiles!;
        expect(chooseBackward({ problem, algorithm, tiles }, facts).tiles).toEqual(brute(problem, br, bc));
      }
      const { tiles } = chooseForward({ problem, algorithm, tiles: null }, facts);
      expect(tiles).toEqual(brute(problem, tiles!.br, tiles!.bc));
    });
  });
});

test('a causal mask leaves half of the tiles, a window those along the diagonal', () => {
  const count = (band: Band): Count => {
    const problem = { ...base, B: 1, H: 1, Nq: 64, Nk: 64, band };
    return chooseForward({ problem, algorithm: 'flash2', tiles: { br: 8, bc: 8 } }, facts).tiles!;
  };
  expect(count(CAUSAL)).toMatchObject({ visited: 36, total: 64 });
  expect(count({ left: 8, right: 0 })).toMatchObject({ visited: 15, total: 64 });
  expect(count({ left: 0, right: 0 })).toMatchObject({ visited: 8 });
});
