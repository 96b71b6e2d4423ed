import { checkCase } from '../src/check/check-case';
import { caseTruth, outputsOf } from '../src/check/case-truth';
import { checkCases } from '../src/check/cases';
import { caseName, parseCase } from '../src/check/case-name';
import { defaultDevice } from '../src/device/default-device';
import type { DeviceFacts, FlashDevice } from '../src/device/device';
import { type TunedTile, tuningKey } from '../src/device/tuning';
import { chooseTile } from '../src/kernels/flash2/choose-tile';
import { onEachAdapter } from './support/devices';
import { withSpoiltBuffers } from './support/spoilt-buffers';

// Every kernel against float64 (the contract's tolerance) over the table of check/cases.ts. The truth of a case is computed
// once for all adapters and algorithms.
const truths = new Map<string, ReturnType<typeof caseTruth>>();
function truthOf(name: string): ReturnType<typeof caseTruth> {
  const truth = truths.get(name) ?? caseTruth(parseCase(name));
  truths.set(name, truth);
  return truth;
}

const names = checkCases().map(caseName);

onEachAdapter('kernels against float64', () => {
  withSpoiltBuffers();

  describe.each(['flash2', 'naive'] as const)('%s', (algorithm) => {
    test.each(names)('%s', async (name) => {
      const rows = await checkCase(truthOf(name), algorithm);
      expect(rows.filter(({ ok }) => !ok)).toEqual([]);
      expect(rows.map(({ output }) => output)).toEqual(outputsOf(parseCase(name)));
    });
  });

  // A GPU gets other tiles: many rows of threads, no assumption about subgroups, vec4 steps. They must be right here too.
  describe('with the tiles of a GPU', () => {
    let device: FlashDevice;
    let own: DeviceFacts;
    beforeAll(async () => {
      device = await defaultDevice();
      own = device.facts;
      Object.assign(device, { facts: { ...own, kind: 'hardware', driver: 'unknown', subgroupSize: 0 } });
    });
    afterAll(() => Object.assign(device, { facts: own }));
    test.each([
      ['flash2', { H: 2, Hk: 2, Nq: 70, Nk: 45, D: 16, Dv: 16, causal: true }],
      ['flash2', { H: 4, Hk: 2, Nq: 33, Nk: 65, D: 64, Dv: 64 }],
      ['naive', { H: 4, Hk: 2, Nq: 33, Nk: 65, D: 20, Dv: 7, causal: true }],
    ] as const)('%s %j', async (algorithm, shape) => {
      const base = parseCase(names[0]);
      const rows = await checkCase({ ...base, ...shape }, algorithm);
      expect(rows.filter(({ ok }) => !ok)).toEqual([]);
    });

    test.each([
      ['eight rows a thread', { own: 32, step: 32, lanes: false, rows: 8 }],
      ['maxima from lane to lane', { own: 32, step: 32, lanes: false, rows: 4, shuffle: true }],
      ['maxima from lane to lane, few columns', { own: 16, step: 8, lanes: false, rows: 2, shuffle: true }],
    ])('flash2 with %s, which flash.tune() may choose', async (_, shape: TunedTile) => {
      const { subgroupSize, subgroupIds } = own;
      const sizes = { D: 20, Dv: 12 };
      const tuned = new Map(['forward', 'dq', 'dkdv'].map((pass) => [tuningKey(pass, sizes), shape]));
      const facts: DeviceFacts = { ...device.facts, subgroupSize, subgroupIds, tuned };
      expect(chooseTile('forward', sizes, facts).shuffle).toBe(shape.shuffle && subgroupSize === 8 ? 8 : 0);
      const before = device.facts;
      Object.assign(device, { facts });
      const rows = await checkCase({ ...parseCase(names[0]), ...sizes, H: 2, Hk: 1, Nq: 70, Nk: 45 }, 'flash2');
      Object.assign(device, { facts: before });
      expect(rows.filter(({ ok }) => !ok)).toEqual([]);
    });
  });

  // Tiles that divide nothing, tiles of one, and more keys than queries in a tile.
  test.each([
    { br: 1, bc: 1 },
    { br: 5, bc: 7 },
    { br: 3, bc: 40 },
    { br: 33, bc: 9 },
  ])('flash2 with tiles %j', async (tiles) => {
    const c = parseCase(names.find((name) => name.includes('Nq17')) ?? names[3]);
    const rows = await checkCase({ ...c, tiles }, 'flash2');
    expect(rows.filter(({ ok }) => !ok)).toEqual([]);
  });
});
