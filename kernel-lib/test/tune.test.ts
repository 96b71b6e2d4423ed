import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { NO_FEATURES, type Problem } from '../src/api/problem';
import { defaultDevice } from '../src/device/default-device';
import type { DeviceFacts } from '../src/device/device';
import { matrixTuningKey, type TunedTile, tuningKey } from '../src/device/tuning';
import { chooseMatrices } from '../src/kernels/flash2/choose-matrices';
import { chooseLaneTile, chooseTile, type Pass, tuningTrials } from '../src/kernels/flash2/choose-tile';
import * as flash from '../src/node';
import { tuningFile } from '../src/node/tuning-file';
import { rowsPerThread } from '../src/wgsl/tiles';
import { onEachAdapter } from './support/devices';
import { leftBehind } from './support/left-behind';

const sizes = { heads: 2, seq: 40, dim: 8 };
const passes = ['forward', 'dq', 'dkdv'];

onEachAdapter('tune', () => {
  afterEach(() => flash.tune({ forget: true, keep: false }));

  test('takes the fastest right shape of each pass, which later calls use', async () => {
    const fractions: number[] = [];
    const onProgress = (fraction: number): void => void fractions.push(fraction);
    let report!: flash.TuneReport;
    const work = async (): Promise<void> => void (report = await flash.tune({ ...sizes, keep: false, onProgress }));
    expect(await leftBehind(work)).toBe(0);
    expect(fractions.at(-1)).toBe(1);
    const device = await defaultDevice();
    for (const pass of passes) {
      const rows = report.rows.filter((row) => row.pass === pass);
      expect(rows.length).toBeGreaterThan(1);
      const [taken, ...others] = rows.filter((row) => row.taken);
      expect(others).toEqual([]);
      // Nothing wrong was found, and what is taken is about as fast as the fastest.
      const fastest = Math.min(...rows.map(({ ms }) => ms!));
      expect(taken.ms).toBeLessThanOrEqual(fastest / (1 - 0.031));
      expect(device.facts.tuned!.get(tuningKey(pass, { D: 8, Dv: 8 }))).toEqual(taken.shape ?? undefined);
    }
    expect(report.toString()).toContain('Tiles for D 8, Dv 8, f32 on ');
  });

  test('a stopped one leaves everything as it was', async () => {
    const device = await defaultDevice();
    device.tune({ 'forward D8 Dv8': { own: 8, step: 4, lanes: false } }, false);
    const controller = new AbortController();
    const stop = { signal: controller.signal, onProgress: () => controller.abort(new Error('enough')) };
    const stopped = flash.tune.bind(null, { ...sizes, keep: false, ...stop });
    expect(await leftBehind(() => expect(stopped()).rejects.toThrow('enough'))).toBe(0);
    expect([...device.facts.tuned!]).toEqual([['forward D8 Dv8', { own: 8, step: 4, lanes: false }]]);
  });
});

test.each([
  [{ dim: 0 }, 'dim'],
  [{ dimV: 300 }, 'dimV'],
  [{ heads: 1.5 }, 'heads'],
  [{ tiles: 1 }, 'tiles: no such option'],
] as [object, string][])('tune: %j is refused', async (options, message) => {
  await expect(flash.tune(options)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  await expect(flash.tune(options)).rejects.toThrow(message);
});

describe('what was found', () => {
  const gpu: DeviceFacts = {
    ...{ kind: 'hardware', driver: 'unknown', workgroupStorage: 16384, maxInvocations: 128, maxWorkgroups: 65535 },
    ...{ maxBinding: 2 ** 27, maxBuffer: 2 ** 28, maxStorageBuffers: 8, subgroupSize: 0 },
  };
  const cpu: DeviceFacts = { ...gpu, kind: 'software', subgroupSize: 8 };
  const problem: Problem = {
    ...NO_FEATURES,
    ...{ B: 1, H: 1, Hk: 1, Nq: 100, Nk: 100, D: 64, Dv: 64, scale: 1, layout: 'bhnd', packing: 'none', dtype: 'f32' },
  };
  const tuned = (own: number, step: number, lanes: boolean): Pick<DeviceFacts, 'tuned'> => ({
    tuned: new Map([[tuningKey('forward', problem), { own, step, lanes }]]),
  });

  const tiles = (pass: Pass, facts: DeviceFacts): TunedTile[] =>
    tuningTrials(pass, problem, facts).shapes.map((shape) => shape as TunedTile);

  test('is chosen, unless it does not fit the device or the problem', () => {
    expect(chooseTile('forward', problem, { ...gpu, ...tuned(8, 8, false) })).toMatchObject({ br: 8, bc: 8 });
    expect(chooseTile('forward', problem, { ...gpu, ...tuned(256, 64, false) })).toEqual(
      chooseTile('forward', problem, gpu),
    );
    expect(chooseLaneTile('forward', problem, { ...cpu, ...tuned(16, 2, true) })).toMatchObject({ br: 16, bc: 2 });
    const few = { ...problem, Nq: 3 };
    expect(chooseLaneTile('forward', few, { ...cpu, ...tuned(16, 2, true) })).toMatchObject({ br: 8, bc: 2 });
    expect(chooseLaneTile('dq', problem, { ...cpu, ...tuned(16, 2, true) })).toEqual(
      chooseLaneTile('dq', problem, cpu),
    );
  });

  test('the shapes that are tried fit, and the lane tile of the table is among them', () => {
    const large = { ...gpu, workgroupStorage: 65536 };
    for (const pass of ['forward', 'dkdv'] as const) {
      for (const shape of tiles(pass, large)) {
        const facts = { ...large, tuned: new Map([[tuningKey(pass, problem), shape]]) };
        const tile = chooseTile(pass, problem, facts);
        expect(tile).toMatchObject({ own: shape.own, step: shape.step });
        expect(rowsPerThread(tile)).toBe(shape.rows);
      }
    }
    const eight = { own: 64, step: 32, lanes: false, rows: 8 };
    expect(tiles('forward', large)).toContainEqual(eight);
    const numbered = { ...large, subgroupSize: 32, subgroupIds: true };
    expect(tiles('forward', numbered)).toContainEqual({ ...eight, shuffle: true });
    expect(tiles('dq', numbered).some(({ shuffle }) => shuffle)).toBe(false);
    const { br, bc } = chooseLaneTile('forward', problem, cpu)!;
    expect(tiles('forward', cpu)).toContainEqual({ own: br, step: bc, lanes: true });
  });

  test('of matrix units is chosen, for its dtype, unless it does not fit', () => {
    const unit = { M: 16, N: 16, K: 16, lanes: 32, pinned: false };
    const large: DeviceFacts = { ...gpu, workgroupStorage: 49152, maxInvocations: 1024, matrices: unit };
    const half: Problem = { ...problem, dtype: 'f16' };
    for (const pass of ['forward', 'dq', 'dkdv'] as const) {
      const { key, shapes } = tuningTrials(pass, half, large);
      expect(key).toBe(matrixTuningKey(pass, half));
      expect(shapes.length).toBeGreaterThan(5);
      for (const shape of shapes) {
        const facts = { ...large, tuned: new Map([[key, shape]]) };
        expect(chooseMatrices(pass, half, facts)).toMatchObject(shape);
        expect(chooseMatrices(pass, problem, facts)).toEqual(chooseMatrices(pass, problem, large));
      }
      const small = { ...large, workgroupStorage: 32768 };
      const most = { subgroups: 8, rows: 2, split: 1, step: 64 };
      const tuned = new Map([[key, most]]);
      expect(chooseMatrices(pass, half, { ...small, tuned })).toEqual(chooseMatrices(pass, half, small));
    }
    expect(tuningTrials('dq', problem, large).key).toBe(tuningKey('dq', problem));
  });

  // M, N, K, lanes: of NVIDIA's GPUs, AMD's, Intel's and Apple's.
  test.each([
    [16, 16, 16, 32],
    [16, 8, 16, 32],
    [16, 16, 16, 64],
    [8, 16, 16, 16],
    [8, 8, 8, 32],
  ])('there are tiles for units of %i x %i x %i and %i lanes in memories of all sizes', (M, N, K, lanes) => {
    const matrices = { M, N, K, lanes, pinned: false };
    const has = (pass: Pass, D: number, workgroupStorage: number): boolean =>
      chooseMatrices(
        pass,
        { ...problem, dtype: 'f16', D, Dv: D },
        { ...gpu, workgroupStorage, maxInvocations: 1024, matrices },
      ) !== null;
    for (const pass of ['forward', 'dq', 'dkdv'] as const) {
      for (const D of [16, 32, 64, 96]) expect([pass, D, has(pass, D, 32768)]).toEqual([pass, D, true]);
      expect([pass, has(pass, 128, 49152)]).toEqual([pass, true]);
    }
    expect(has('forward', 32, 16384)).toBe(true);
    expect(has('forward', 256, 16384)).toBe(false);
  });

  test.each([[5], ['x'], [null], [{}], [{ own: 0, step: 4, lanes: false, subgroups: 0 }], [{ own: -8, step: '4' }]])(
    'counts as nothing where a file holds %j',
    (shape) => {
      const unit = { M: 16, N: 16, K: 16, lanes: 32, pinned: false };
      const facts: DeviceFacts = { ...gpu, workgroupStorage: 49152, maxInvocations: 1024, matrices: unit };
      const half: Problem = { ...problem, dtype: 'f16' };
      const keys = [tuningKey('forward', half), matrixTuningKey('forward', half)];
      const tuned = new Map(keys.map((key) => [key, shape as unknown as TunedTile]));
      expect(chooseTile('forward', half, { ...facts, tuned })).toEqual(chooseTile('forward', half, facts));
      expect(chooseMatrices('forward', half, { ...facts, tuned })).toEqual(chooseMatrices('forward', half, facts));
      expect(chooseLaneTile('forward', half, { ...cpu, tuned })).toEqual(chooseLaneTile('forward', half, cpu));
    },
  );

  test('is kept in a file of the cache folder; one that is spoilt counts as empty', () => {
    const { XDG_CACHE_HOME } = process.env;
    const folder = mkdtempSync(path.join(tmpdir(), 'flashlab tuning '));
    process.env.XDG_CACHE_HOME = folder;
    try {
      const shape = { own: 8, step: 1, lanes: true };
      expect(tuningFile.read('some adapter')).toEqual({});
      tuningFile.write('some adapter', { 'forward D8 Dv8': shape });
      tuningFile.write('another', {});
      expect(tuningFile.read('some adapter')).toEqual({ 'forward D8 Dv8': shape });
      writeFileSync(path.join(folder, 'flashlab', 'tuning.json'), '{ "some adap');
      expect(tuningFile.read('some adapter')).toEqual({});
      writeFileSync(path.join(folder, 'flashlab', 'tuning.json'), 'null');
      expect(tuningFile.read('some adapter')).toEqual({});
    } finally {
      if (XDG_CACHE_HOME === undefined) delete process.env.XDG_CACHE_HOME;
      else process.env.XDG_CACHE_HOME = XDG_CACHE_HOME;
      rmSync(folder, { recursive: true });
    }
  });
});
