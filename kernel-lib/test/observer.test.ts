import { attention, device, init, randn } from '../src';
import type { FlashDevice } from '../src/device/device';
import type { RunStats } from '../src/device/dispatch';
import { type DeviceObserver, observer, setObserver } from '../src/device/observer';
import { onEachAdapter } from './support/devices';

interface Run {
  readonly kernels: readonly string[];
  readonly fractions: number[];
  stats?: RunStats;
  error?: unknown;
}

onEachAdapter('what observers are told', () => {
  const before = observer();
  const events: string[] = [];
  const runs: Run[] = [];
  const live = new Map<GPUBuffer, FlashDevice>();
  const watching: DeviceObserver = {
    opened: ({ info }) => void events.push(`opened ${info.driver}`),
    closed: ({ info }) => void events.push(`closed ${info.driver}`),
    allocated: (owner, buffer) => void live.set(buffer, owner),
    freed: (_, buffer) => void live.delete(buffer),
    began: (_, kernels) => {
      const run: Run = { kernels, fractions: [] };
      runs.push(run);
      return {
        progress: (fraction) => void run.fractions.push(fraction),
        ended: (stats) => void (run.stats = stats),
        failed: (error) => void (run.error = error),
      };
    },
  };
  beforeAll(() => setObserver(watching));
  afterAll(() => setObserver(before));

  test('devices that begin and end', async () => {
    const { driver } = await device();
    await init();
    expect(events.filter((event) => event.includes(driver)).sort()).toEqual([`closed ${driver}`, `opened ${driver}`]);
  });

  test('each run, with the kernels that it has and what each of them took', async () => {
    runs.length = 0;
    const q = randn([1, 2, 40, 16], { seed: 1 });
    const result = await attention(q, q, q, { algorithm: 'naive' });
    await result.backward(q);
    expect(runs.map(({ kernels }) => kernels)).toEqual([
      ['naive scores', 'naive softmax', 'naive sum'],
      expect.arrayContaining(['naive transposed sum', 'naive softmax backward', 'naive sum']),
    ]);
    for (const { stats, fractions, kernels, error } of runs) {
      expect(error).toBeUndefined();
      expect(fractions.at(-1)).toBeCloseTo(1, 9);
      expect(stats!.kernels.map(({ label }) => label)).toEqual(kernels);
      const sum = (of: (kernel: RunStats['kernels'][number]) => number): number =>
        stats!.kernels.reduce((total, kernel) => total + of(kernel), 0);
      expect(sum(({ dispatches }) => dispatches)).toBe(stats!.dispatches);
      if (stats!.gpuMs !== null) expect(sum(({ gpuMs }) => gpuMs!)).toBeCloseTo(stats!.gpuMs, 9);
      expect(stats!.wallMs).toBeGreaterThan(0);
    }
    expect(result.info.gpuMs).toBe(runs[0].stats!.gpuMs);
  });

  test('buffers that are made and freed', async () => {
    const q = randn([1, 1, 8, 4], { seed: 1 });
    // The garbage collector may free those of other tests meanwhile.
    const others = new Set(live.keys());
    const own = (): string[] => [...live.keys()].filter((buffer) => !others.has(buffer)).map(({ label }) => label);
    const result = await attention(q, q, q);
    expect(own().sort()).toEqual(['lse', 'out', 'q']);
    result.dispose();
    q.dispose();
    expect(own()).toEqual([]);
  });

  test('a run that is stopped', async () => {
    runs.length = 0;
    const q = randn([1, 8, 2048, 64], { seed: 1 });
    const controller = new AbortController();
    const onProgress = () => controller.abort(new Error('enough'));
    await expect(attention(q, q, q, { signal: controller.signal, onProgress })).rejects.toThrow('enough');
    expect(runs).toMatchObject([{ error: new Error('enough') }]);
    expect(runs[0].stats).toBeUndefined();
  });
});
