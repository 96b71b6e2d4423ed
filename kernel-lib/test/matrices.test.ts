import { proofOf } from '../src/api/prove-matrices';
import { CASE_DEFAULTS, caseProblem, defaultScale, type CheckCase } from '../src/check/case';
import { checkCase } from '../src/check/check-case';
import { defaultDevice } from '../src/device/default-device';
import { matrixTuningKey } from '../src/device/tuning';
import * as flash from '../src/node';
import { chooseMatrices } from '../src/kernels/flash2/choose-matrices';
import type { MatrixShape, MatrixUnit } from '../src/wgsl/matrix-types';
import { onEachAdapter } from './support/devices';
import { cutHalves, emulateUnits, rewriteKernels } from './support/emulated-units';
import { spoilBuffers } from './support/spoilt-buffers';

// Kernels on matrix units. Few machines have them, so here they are emulated, in the shapes of several devices; own-units.test.ts is for
// devices that have some.

const NVIDIA: MatrixUnit = { M: 16, N: 16, K: 16, lanes: 32, pinned: false };

const plain = { ...CASE_DEFAULTS, B: 1, H: 2, Hk: 1, Nq: 75, Nk: 139, D: 16, Dv: 16, scale: defaultScale(16) };
const all: CheckCase = {
  ...plain,
  ...{ causal: true, window: [60, 0], softcap: 15, alibi: 'head', dropout: 0.3, times: 3 },
  bias: { axes: 'hqk', dtype: 'f32', forbids: true },
  mask: { axes: 'bqk', dtype: 'bool', forbids: true },
};

const PASSES = ['forward', 'dq', 'dkdv'] as const;
const PLAIN_TILE = { own: 8, step: 4, lanes: false };

const half: CheckCase = { ...plain, dtype: 'f16', times: 3 };

// [units, case, shape in place of the tables']; each compiles five kernels with long loops of emulation.
const RUNS: [string, MatrixUnit, CheckCase, MatrixShape | null][] = [
  [
    'NVIDIA, 16 x 16 x 16, two lanes a row: f16 with everything, odd sizes',
    NVIDIA,
    { ...all, dtype: 'f16', D: 7, Dv: 12 },
    null,
  ],
  ['NVIDIA: f32 of two halves', NVIDIA, { ...plain, times: 3 }, null],
  ['16 x 8 x 16: f16', { ...NVIDIA, N: 8 }, half, null],
  ['NVIDIA, a row a lane, steps of 16: f16', NVIDIA, half, { subgroups: 2, rows: 2, split: 1, step: 16 }],
  [
    '16 x 8 x 8, two rows a lane: f16',
    { ...NVIDIA, N: 8, K: 8, lanes: 16 },
    half,
    { subgroups: 2, rows: 2, split: 1, step: 16 },
  ],
  [
    '8 x 8 x 8, a row a lane: one query and one key',
    { ...NVIDIA, M: 8, N: 8, K: 8, lanes: 16 },
    { ...half, Nq: 1, Nk: 1 },
    null,
  ],
];

onEachAdapter('matrix kernels on emulated units', (adapter) => {
  const timeout = 300_000;
  afterAll(() => flash.init());

  // Each takes lavapipe a minute to compile.
  const runs = adapter === 'lavapipe' ? RUNS.slice(0, 1) : RUNS;
  test.each(runs)(
    '%s',
    async (_, unit, c, shape) => {
      await flash.init();
      const device = await defaultDevice();
      emulateUnits(device, unit);
      if (shape) device.tune(Object.fromEntries(PASSES.map((pass) => [matrixTuningKey(pass, c), shape])), false);
      spoilBuffers(device);
      const rows = await checkCase(c, 'flash2');
      expect(rows.filter(({ ok }) => !ok)).toEqual([]);
      const q = flash.randn([1, 1, 8, c.D], { dtype: c.dtype, seed: 1 });
      const v = flash.randn([1, 1, 8, c.Dv], { dtype: c.dtype, seed: 1 });
      expect((await flash.attention(q, q, v)).info.path).toMatch(/matrix tiles/);
      for (const pass of shape ? PASSES : []) {
        expect(chooseMatrices(pass, caseProblem(c), { ...device.facts, matrices: device.unit! })).toMatchObject(shape!);
      }
      expect(device.unit).toEqual({ ...unit, rounds: true });
    },
    timeout,
  );

  const small = { ...NVIDIA, M: 8, N: 8, K: 8, lanes: 16 };

  // Each kernel takes lavapipe long to compile.
  (adapter === 'lavapipe' ? test.skip : test)(
    'a driver that does not round to the nearest is found out, and kernels round by hand',
    async () => {
      await flash.init();
      const device = await defaultDevice();
      emulateUnits(device, small);
      cutHalves(device);
      const rows = await checkCase(half, 'flash2');
      expect(rows.filter(({ ok }) => !ok)).toEqual([]);
      const q = flash.randn([1, 1, 8, 16], { dtype: 'f16', seed: 1 });
      expect((await flash.attention(q, q, q)).info.path).toMatch(/matrix tiles/);
      expect(device.unit).toEqual({ ...small, rounds: false });
    },
    timeout,
  );

  // Of which SwiftShader's exp2 makes Infinity.
  (adapter === 'swiftshader' ? test.skip : test)(
    'what is not a number stays so',
    async () => {
      await flash.init();
      emulateUnits(await defaultDevice(), small);
      const q = flash.randn([1, 1, 8, 16], { dtype: 'f16', seed: 1 });
      const numbers = await q.data();
      numbers[5] = NaN;
      const k = flash.tensor(numbers, q.shape, { dtype: 'f16' });
      const { out, lse, info } = await flash.attention(q, k, q);
      expect(info.path).toMatch(/matrix tiles/);
      expect([...(await out.data()), ...(await lse.data())].every(Number.isNaN)).toBe(true);
    },
    timeout,
  );

  test(
    'units that are wrong are found out, and not used',
    async () => {
      await flash.init();
      const device = await defaultDevice();
      // As if sums were kept in halves.
      emulateUnits(device, NVIDIA, 'unpack2x16float(pack2x16float(vec2f(s * 1.01, 0.0))).x');
      const rows = await checkCase(half, 'flash2');
      expect(rows.filter(({ ok }) => !ok)).toEqual([]);
      const q = flash.randn([1, 1, 8, 16], { dtype: 'f16', seed: 1 });
      const { info } = await flash.attention(q, q, q);
      expect(info.path).not.toMatch(/matrix/);
      const proof = await device.enqueue(() => proofOf(device, { pass: 'forward', dtype: 'f16', D: 16, Dv: 16 }));
      expect(proof).toMatchObject({ ok: false, text: expect.stringMatching(/out off by .* \(allowed/) });
    },
    timeout,
  );

  // Each kernel takes lavapipe long to compile.
  (adapter === 'lavapipe' ? test.skip : test)(
    'a measured tile that is wrong gives way to that of the table',
    async () => {
      await flash.init();
      const device = await defaultDevice();
      emulateUnits(device, small);
      const spoilt: string[] = [];
      rewriteKernels(device, (code) => {
        if (!code.includes(`@workgroup_size(${2 * small.lanes})`) || !code.includes('l0 *= alpha0')) return code;
        spoilt.push(code);
        return code.replace('l0 *= alpha0', 'l0 *= 2.0 * alpha0');
      });
      const key = matrixTuningKey('forward', half);
      device.tune({ [key]: { subgroups: 2, rows: 1, split: 2, step: 32 }, other: PLAIN_TILE }, false);
      const q = flash.randn([1, 1, 70, 16], { dtype: 'f16', seed: 1 });
      const { out, info } = await flash.attention(q, q, q);
      expect(spoilt.length).toBeGreaterThan(0);
      expect(info.path).toMatch(/matrix tiles .*, 4 subgroups/);
      expect([...device.facts.tuned!.keys()]).toEqual(['other']);
      const plain = await flash.attention(q, q, q, { algorithm: 'naive' });
      const [a, b] = await Promise.all([out.data(), plain.out.data()]);
      expect(Math.max(...a.map((x, n) => Math.abs(x - b[n])))).toBeLessThan(5e-3);
    },
    timeout,
  );
});
