import { proveUsual } from '../src/api/prove-matrices';
import { CASE_DEFAULTS, defaultScale, type CheckCase } from '../src/check/case';
import { checkCase } from '../src/check/check-case';
import { fuzzCase, newTally, type FuzzFailure } from '../src/check/fuzz';
import { defaultDevice } from '../src/device/default-device';
import { matrixUnit } from '../src/device/matrix-unit';
import * as flash from '../src/node';
import type { MatrixUnit } from '../src/wgsl/matrices';
import { onEachAdapter } from './support/devices';
import { emulateUnits } from './support/emulated-units';

// Kernels on matrix units. Few machines have them, so here they are emulated, in the shapes of several devices; where a device has its own
// and FLASH_MATRICES=on, those are taken too.

const NVIDIA: MatrixUnit = { M: 16, N: 16, K: 16, lanes: 32, pinned: false };
const UNITS: Record<string, MatrixUnit> = {
  'NVIDIA, 16 x 16 x 16, a lane or two a row': NVIDIA,
  '16 x 8 x 16': { ...NVIDIA, N: 8 },
  '16 x 8 x 8, two rows a lane': { ...NVIDIA, N: 8, K: 8, lanes: 16 },
  '8 x 8 x 8 with as many lanes as rows': { M: 8, N: 8, K: 8, lanes: 16, pinned: false },
};

const plain = { ...CASE_DEFAULTS, B: 1, H: 2, Hk: 1, Nq: 75, Nk: 139, D: 16, Dv: 16, scale: defaultScale(16) };
const all: CheckCase = {
  ...plain,
  ...{ causal: true, window: [60, 0], softcap: 15, alibi: 'head', dropout: 0.3, times: 3 },
  bias: { axes: 'hqk', dtype: 'f32', forbids: true },
  mask: { axes: 'bqk', dtype: 'bool', forbids: true },
};

const CASES: Record<string, CheckCase> = {
  f16: { ...plain, dtype: 'f16', times: 3 },
  'f16 with everything, odd sizes': { ...all, dtype: 'f16', D: 7, Dv: 12 },
  'f16, one query and one key': { ...plain, dtype: 'f16', Nq: 1, Nk: 1 },
  'f32 of two halves': { ...plain, times: 3 },
  'f32 of two halves with everything': all,
};

onEachAdapter('matrix kernels', (adapter) => {
  // Each case compiles kernels with long loops of emulation.
  const timeout = 300_000;
  afterAll(() => flash.init());

  describe.each(Object.entries(UNITS))('units of %s', (_, unit) => {
    beforeAll(async () => {
      await flash.init();
      emulateUnits(await defaultDevice(), unit);
    });
    test.each(Object.entries(CASES))(
      '%s',
      async (_name, c) => {
        const rows = await checkCase(c, 'flash2');
        expect(rows.filter(({ ok }) => !ok)).toEqual([]);
        const shape = [1, 1, 8, c.D];
        const q = flash.randn(shape, { dtype: c.dtype, seed: 1 });
        const { info } = await flash.attention(q, q, q);
        expect(info.path).toMatch(/matrix tiles/);
      },
      timeout,
    );
  });
});
