import { chooseBackward, chooseForward } from '../src/api/choose-path';
import { CAUSAL, NO_FEATURES, type Problem } from '../src/api/problem';
import type { DeviceFacts } from '../src/device/device';
import { compiledFeatures } from '../src/features/score';
import { chooseFlash1Tile, flash1Bytes } from '../src/kernels/flash1/choose-tile';
import { chooseLanes } from '../src/wgsl/choose-lanes';
import { chooseStreams } from '../src/kernels/flash2/choose-streams';
import { chooseTile, forceTile, type Pass } from '../src/kernels/flash2/choose-tile';
import { countTiles } from '../src/kernels/steps';
import { columnsPerThread, rowsPerThread } from '../src/wgsl/tiles';

const facts = (more: Partial<DeviceFacts> = {}): DeviceFacts => ({
  ...{ kind: 'software', driver: 'lavapipe', workgroupStorage: 32768, maxInvocations: 1024, maxWorkgroups: 65535 },
  ...{ maxBinding: 2 ** 27, maxBuffer: 2 ** 28, maxStorageBuffers: 16, subgroupSize: 8 },
  ...more,
});

const devices: Record<string, DeviceFacts> = {
  lavapipe: facts(),
  swiftshader: facts({ driver: 'swiftshader', maxInvocations: 256, subgroupSize: 4 }),
  'software without subgroups': facts({ driver: 'unknown', subgroupSize: 0 }),
  'GPU with 48 KiB': facts({ kind: 'hardware', driver: 'nvidia', workgroupStorage: 49152, subgroupSize: 32 }),
  'GPU with 32 KiB': facts({ kind: 'hardware', driver: 'intel', subgroupSize: 0 }),
  "WebGPU's minimum": facts({
    kind: 'hardware',
    driver: 'unknown',
    workgroupStorage: 16384,
    maxInvocations: 128,
    subgroupSize: 0,
  }),
};

const problem = (more: Partial<Problem> = {}): Problem => ({
  ...NO_FEATURES,
  ...{ B: 2, H: 4, Hk: 2, Nq: 100, Nk: 100, D: 64, Dv: 64, scale: 0.125 },
  ...{ layout: 'bhnd', packing: 'none', dtype: 'f32' },
  ...more,
});

const passes: Pass[] = ['forward', 'dq', 'dkdv'];

describe.each(Object.entries(devices))('tiles on %s', (_, device) => {
  test.each(passes)('%s: every head size fits memory and threads', (pass) => {
    for (let D = 1; D <= 256; D++) {
      for (const Dv of [D, 1, 257 - D]) {
        const t = chooseTile(pass, { D, Dv }, device);
        expect(forceTile(pass, t, { D, Dv }, device).bytes).toBeLessThanOrEqual(device.workgroupStorage);
        expect(t.tx * t.ty).toBeLessThanOrEqual(device.maxInvocations);
        expect([t.own, t.step]).toEqual(pass === 'dkdv' ? [t.bc, t.br] : [t.br, t.bc]);
        expect(Number.isInteger(rowsPerThread(t))).toBe(true);
        expect(columnsPerThread(t) % 4).toBe(0);
      }
    }
  });

  test('does not depend on the lengths, so that a new length compiles nothing', () => {
    const code = (Nq: number, Nk: number, more: Partial<Problem>): string[] => {
      const call = { problem: problem({ Nq, Nk, ...more }), algorithm: 'flash2' as const, tiles: null };
      const none = {} as Record<string, GPUBuffer>;
      return [chooseForward(call, device), chooseBackward(call, device)].flatMap((plan) =>
        plan.steps(none).map(({ kernel }) => kernel.code),
      );
    };
    expect(code(33, 33, {})).toEqual(code(1000, 77, { band: CAUSAL }));
    expect(code(9, 9, {})).toEqual(code(9, 9, { band: { left: 3, right: 2 } }));
    // Where there are only few rows, a tile or a lane has fewer, the heads of a group share them, and up to eight stream.
    const kinds = Array.from({ length: 33 }, (_, n) => code(n + 1, n + 1, {}).join());
    expect(new Set(kinds).size).toBeLessThanOrEqual(8);
  });
});

describe('streams', () => {
  const gpu = devices['GPU with 48 KiB'];

  test('are for subgroups of a fixed size, and divide them', () => {
    expect(chooseStreams(problem({ Nq: 1 }), devices['GPU with 32 KiB'])).toBeNull();
    for (let D = 1; D <= 256; D++) {
      for (const Nq of [1, 2, 3, 4]) {
        const t = chooseStreams(problem({ Nq, D, Dv: 257 - D }), gpu)!;
        expect(t.own).toBeGreaterThanOrEqual(2 * Nq);
        expect(t.subgroup % t.perKey).toBe(0);
        expect(t.perKey % t.turn).toBe(0);
        expect(t.bc).toBe((t.subgroup / t.perKey) * t.turn);
      }
    }
  });

  test('on a CPU are for caches and for many keys, and for no more numbers than compile soon', () => {
    const few = { H: 2, Nq: 4 };
    for (const device of [devices.lavapipe, devices.swiftshader]) {
      const taken = (more: Partial<Problem>): boolean => chooseStreams(problem({ ...few, ...more }), device) !== null;
      expect(taken({ Nk: 255 })).toBe(false);
      expect(taken({ Nk: 256 })).toBe(true);
      expect(taken({ Nk: 256, Nq: 5 })).toBe(false);
      expect(taken({ Nk: 256, D: 129 })).toBe(false);
      expect(taken({ Nk: 256, sequences: { cuSeqlensQ: Int32Array.of(0), cuSeqlensK: Int32Array.of(0) } })).toBe(false);
    }
  });
});

describe.each([devices.lavapipe, devices.swiftshader])('lane tiles', (device) => {
  test('their arrays fit the cache, and no lane has only rows that are not there', () => {
    for (let D = 1; D <= 256; D++) {
      for (const length of [1, 5, 8, 9, 20, 1000]) {
        const t = chooseLanes(device, { numbers: 4 * D, sizes: [D], length });
        expect(t).toMatchObject({ lanes: device.subgroupSize });
        const most = t!.rows === 2 && !t!.quads ? 32768 : 24576;
        expect(t!.rows === 1 || 4 * t!.lanes * t!.rows * 4 * D <= most).toBe(true);
        expect(t!.rows === 1 || t!.lanes * (t!.rows / 2) < length).toBe(true);
        expect(t!.quads).toBe(device.driver === 'swiftshader');
        expect(t!.quads ? t!.rows * t!.step <= 32 : t!.step === 1 || t!.step * Math.ceil(D / 4) <= t!.lanes).toBe(true);
        const forward = { numbers: 2 * D, sizes: [D, 8], oneByOne: true };
        const [few, many] = [length, 1000].map((n) => chooseLanes(device, { ...forward, length: n })!);
        // A sequence has the same steps whatever it is packed with, if it has more than a row a lane.
        if (few.quads || few.rows > 1) expect(few.step).toBe(many.step);
        if (!few.quads && D >= 4 * few.lanes) expect(few.step).toBe(few.rows > 1 ? 4 : 1);
      }
    }
  });

  test('of the forward are as large as what Mesa compiles in about two seconds', () => {
    const shape = (D: number): number[] => {
      const { rows, step } = chooseLanes(device, { numbers: 2 * D, sizes: [D, D], length: 1000, oneByOne: true })!;
      return [rows, step];
    };
    const [mesa, swift] = [
      [
        [4, 4],
        [4, 2],
        [2, 4],
        [2, 1],
      ],
      [
        [8, 4],
        [8, 4],
        [4, 8],
        [4, 8],
      ],
    ];
    expect([64, 128, 192, 256].map(shape)).toEqual(device.driver === 'swiftshader' ? swift : mesa);
  });

  test('not for heads whose code would be too long, nor without subgroups of one size', () => {
    const heads = { numbers: 4 * 256, sizes: [256], length: 9 };
    expect(chooseLanes(device, heads)).not.toBeNull();
    expect(chooseLanes(device, { ...heads, numbers: 4 * 257 })).toBeNull();
    expect(chooseLanes({ ...device, subgroupSize: 0 }, heads)).toBeNull();
    expect(chooseLanes({ ...device, kind: 'hardware' }, heads)).toBeNull();
  });

  test('what was measured, or stands in a file, is rounded down to what there are kernels for', () => {
    const needs = { numbers: 128, sizes: [64, 64], length: 1000 };
    const rows = (own: number): number => chooseLanes(device, needs, { own, step: 4 })!.rows;
    expect([1, 3, 6, 8].map((n) => rows(n * device.subgroupSize))).toEqual([1, 2, 4, 8]);
    expect(rows(1)).toBe(1);
  });

  test('wanted tiles are made in workgroup memory', () => {
    const call = { problem: problem(), algorithm: 'flash2' as const };
    expect(chooseForward({ ...call, tiles: null }, device).path).toContain('lane tiles');
    expect(chooseForward({ ...call, tiles: { br: 8, bc: 16 } }, device)).toMatchObject({ tiles: { br: 8, bc: 16 } });
    expect(chooseForward({ ...call, tiles: { br: 8, bc: 16 } }, device).path).not.toContain('lane');
    expect(chooseBackward({ ...call, tiles: { br: 8, bc: 16 } }, device).path).not.toContain('lane');
  });
});

test('a GPU gets many threads a tile, a CPU driver one subgroup', () => {
  expect(chooseTile('forward', problem(), devices['GPU with 48 KiB'])).toMatchObject({ br: 64, bc: 32, tx: 8, ty: 16 });
  expect(chooseTile('forward', problem(), devices.lavapipe)).toMatchObject({ tx: 8, ty: 1, subgroup: true });
  expect(chooseTile('forward', problem(), devices.swiftshader)).toMatchObject({ tx: 4, ty: 1, subgroup: true });
});

test('tiles are counted as the mask says', () => {
  for (const [Nq, Nk] of [
    [64, 64],
    [33, 70],
    [70, 33],
    [1, 1],
  ]) {
    const p = problem({ Nq, Nk, band: CAUSAL });
    const tile = { br: 8, bc: 16 };
    let visited = 0;
    for (let i0 = 0; i0 < Nq; i0 += tile.br) {
      for (let j0 = 0; j0 < Nk; j0 += tile.bc) {
        const rows = Array.from({ length: Math.min(tile.br, Nq - i0) }, (_, r) => i0 + r);
        if (rows.some((i) => j0 <= i + Nk - Nq)) visited++;
      }
    }
    expect(countTiles(p, tile)).toEqual({
      ...tile,
      visited: 8 * visited,
      total: 8 * Math.ceil(Nq / 8) * Math.ceil(Nk / 16),
    });
  }
});

test('tiles that do not fit are refused with numbers', () => {
  const call = { problem: problem({ D: 256, Dv: 256 }), algorithm: 'flash2' as const, tiles: { br: 64, bc: 64 } };
  expect(() => chooseForward(call, devices.lavapipe)).toThrow(
    expect.objectContaining({
      code: 'INVALID_ARGUMENT',
      message: expect.stringMatching(/^tiles: .*32768 bytes.*br 64 and bc 64/),
    }),
  );
});

test('naive keeps whole groups of heads together, and says when one does not fit', () => {
  const small = facts({ maxBinding: 4 * 100 * 100 * 4 });
  const call = { problem: problem(), algorithm: 'naive' as const, tiles: null };
  const plan = chooseForward(call, small);
  expect(Object.keys(plan.outputs)).toEqual(['out', 'lse', 'p0', 'p1']);
  expect(() => chooseForward(call, facts({ maxBinding: 70_000 }))).toThrow(
    expect.objectContaining({
      code: 'OUT_OF_MEMORY',
      message: expect.stringMatching(/^scores: .*'flash2' needs no score matrix/),
    }),
  );
});

describe.each(Object.entries(devices))("FlashAttention-1's tiles on %s", (_, device) => {
  test('are those of the paper: Bc = ceil(M / 4d), Br = min(Bc, d), as far as they fit', () => {
    for (const D of [8, 16, 32, 64, 128, 256]) {
      const { br, bc } = chooseFlash1Tile('forward', { D, Dv: D }, device);
      const left = (n: number): number => device.workgroupStorage / 4 - Math.min(n, D) * n - 2 * Math.min(n, D);
      expect(br).toBe(Math.min(bc, D));
      expect(bc).toBeLessThanOrEqual(Math.ceil(left(bc) / (4 * D)));
      const next = { br: Math.min(bc + 1, D), bc: bc + 1 };
      const tooMany = bc + 1 > Math.ceil(left(bc + 1) / (4 * D));
      expect(tooMany || flash1Bytes('forward', next, { D, Dv: D }) > device.workgroupStorage).toBe(true);
    }
  });

  test('fit memory at every head size', () => {
    for (let D = 1; D <= 256; D++) {
      for (const pass of ['forward', 'backward'] as const) {
        const sizes = { D, Dv: 257 - D };
        const tile = chooseFlash1Tile(pass, sizes, device);
        expect(flash1Bytes(pass, tile, sizes)).toBeLessThanOrEqual(device.workgroupStorage);
      }
    }
  });
});

test('a CPU driver compiles all features together, a GPU or a device of few bindings only those of the problem', () => {
  const p = problem({ softcap: 3 });
  const only = { softcap: true, alibi: false, bias: false, mask: false, dropout: false, packed: false, words: 'none' };
  expect(Object.values(compiledFeatures(p, devices.lavapipe)).every(Boolean)).toBe(true);
  expect(compiledFeatures(p, devices['GPU with 48 KiB'])).toEqual(only);
  expect(compiledFeatures(p, facts({ maxStorageBuffers: 8 }))).toEqual(only);
  expect(compiledFeatures(problem(), devices.lavapipe)).toEqual({ ...only, softcap: false });
});
