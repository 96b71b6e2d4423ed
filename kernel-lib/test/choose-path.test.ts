import { chooseBackward, chooseForward } from '../src/api/choose-path';
import type { Problem } from '../src/api/problem';
import type { DeviceFacts } from '../src/device/device';
import { causal } from '../src/features/causal';
import { chooseTile, forceTile, type Pass } from '../src/kernels/flash2/choose-tile';
import { countTiles } from '../src/kernels/flash2/plan';
import { columnsPerThread, rowsPerThread } from '../src/wgsl/tiles';

const facts = (more: Partial<DeviceFacts> = {}): DeviceFacts => ({
  ...{ kind: 'software', driver: 'lavapipe', workgroupStorage: 32768, maxInvocations: 1024, maxWorkgroups: 65535 },
  ...{ maxBinding: 2 ** 27, maxBuffer: 2 ** 28, subgroupSize: 8 },
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
  ...{ B: 2, H: 4, Hk: 2, Nq: 100, Nk: 100, D: 64, Dv: 64, scale: 0.125, causal: false, layout: 'bhnd' },
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
    const code = (Nq: number, Nk: number, isCausal: boolean): string[] => {
      const call = { problem: problem({ Nq, Nk, causal: isCausal }), algorithm: 'flash2' as const, tiles: null };
      const none = {} as Record<string, GPUBuffer>;
      return [chooseForward(call, device), chooseBackward(call, device)].flatMap((plan) =>
        plan.steps(none).map(({ kernel }) => kernel.code),
      );
    };
    expect(code(1, 1, false)).toEqual(code(1000, 77, true));
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
    const p = problem({ Nq, Nk, causal: true });
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

test('the causal mask and its inverse agree', () => {
  for (const [Nq, Nk] of [
    [4, 5],
    [5, 3],
    [1, 9],
    [9, 1],
  ]) {
    const p = problem({ Nq, Nk, causal: true });
    for (let i = 0; i < Nq; i++) {
      for (let j = 0; j < Nk; j++) {
        const sees = j <= i + Nk - Nq;
        expect(j < causal.keyEnd(p, i)).toBe(sees);
        expect(i >= causal.queryBegin(p, j)).toBe(sees);
      }
    }
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
  expect(() => chooseForward(call, facts({ maxBinding: 4 * 100 * 100 }))).toThrow(
    expect.objectContaining({ code: 'OUT_OF_MEMORY', message: expect.stringContaining("algorithm 'naive'") }),
  );
});
