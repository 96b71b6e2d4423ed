import { defaultDevice } from '../src/device/default-device';
import * as flash from '../src/node';
import { onEachAdapter } from './support/devices';
import { leftBehind } from './support/left-behind';

onEachAdapter('bench', () => {
  test('times every algorithm at every length, with ratios to the first', async () => {
    const fractions: number[] = [];
    const report = await flash.bench({
      ...{ seqs: [40, 24], heads: 2, kvHeads: 1, dim: 8, causal: true, algorithms: ['naive', 'flash2'] },
      onProgress: (fraction) => fractions.push(fraction),
    });
    expect(report.rows.map(({ seq, pass, algorithm }) => [seq, pass, algorithm])).toEqual(
      [24, 40].flatMap((seq) =>
        ['forward', 'backward'].flatMap((pass) => ['naive', 'flash2'].map((algorithm) => [seq, pass, algorithm])),
      ),
    );
    expect(report.totals.map(({ seq, pass, algorithm }) => [seq, pass, algorithm])).toEqual(
      [24, 40].flatMap((seq) => ['naive', 'flash2'].map((algorithm) => [seq, 'both', algorithm])),
    );
    for (const {
      ms,
      gflops,
      ofFma,
      ofExp,
      ofCopy,
      ofMatrix,
      runs,
      ratio,
      algorithm,
      seq,
      pass,
      deviceBytes,
      error,
    } of report.all()) {
      expect([ms > 0, gflops > 0, runs > 0, deviceBytes > 0]).toEqual([true, true, true, true]);
      expect(ofFma).toBe(gflops / report.ceilings.fmaGflops);
      expect(ofExp).toBeGreaterThan(0);
      expect(ofCopy).toBeGreaterThan(0);
      expect(ofMatrix).toBeNull();
      expect(error).toBeLessThanOrEqual(1);
      const base = report.all().find((row) => row.algorithm === 'naive' && row.seq === seq && row.pass === pass)!;
      expect(ratio).toBe(algorithm === 'naive' ? 1 : ms / base.ms);
    }
    expect(fractions.at(-1)).toBe(1);
    expect([...fractions].sort((a, b) => a - b)).toEqual(fractions);
    expect(report.toString()).toContain('B 1, H 2, Hk 1, D 8, Dv 8, f32, causal on');
    expect(report.figure.plotly.data).toHaveLength(2 * 4);
  });

  test('goes on without an algorithm that there is no memory for, unless it is the first', async () => {
    const device = await defaultDevice();
    const { facts } = device;
    // Room for the tensors, not for the score matrix, 16 KiB a head.
    Object.assign(device, { facts: { ...facts, maxBuffer: 10_000, maxBinding: 10_000 } });
    try {
      const sizes = { seqs: [16, 64], heads: 2, dim: 8 };
      const report = await flash.bench({ ...sizes, algorithms: ['flash2', 'naive'] });
      expect(report.totals.map(({ seq, algorithm }) => [seq, algorithm])).toEqual([
        [16, 'flash2'],
        [16, 'naive'],
        [64, 'flash2'],
      ]);
      expect(report.notes).toEqual([expect.stringMatching(/^naive at 64 not run: scores: /)]);
      const first = (): Promise<unknown> => flash.bench({ ...sizes, algorithms: ['naive', 'flash2'] });
      expect(await leftBehind(() => expect(first()).rejects.toMatchObject({ code: 'OUT_OF_MEMORY' }))).toBe(0);
    } finally {
      Object.assign(device, { facts });
    }
  });

  test('leaves nothing behind, also when it is stopped', async () => {
    const options = { seqs: [16, 32, 48], heads: 1, dim: 8, algorithms: ['flash2'] } as const;
    expect(await leftBehind(() => flash.bench({ ...options, seqs: [16] }))).toBe(0);
    const controller = new AbortController();
    const stop = { signal: controller.signal, onProgress: () => controller.abort(new Error('enough')) };
    const stopped = (): Promise<void> => expect(flash.bench({ ...options, ...stop })).rejects.toThrow('enough');
    expect(await leftBehind(stopped)).toBe(0);
  });
});

test.each([
  [{ seqs: [] }, 'seqs: expected a list of lengths'],
  [{ seqs: [8, 0] }, 'seqs[1]: expected a whole number'],
  [{ algorithms: ['flash3'] }, 'algorithms: expected a list of flash2, flash1, naive, reference'],
  [{ heads: 3, kvHeads: 2 }, 'kvHeads'],
  [{ bias: 1 }, 'bias: no such option'],
  [{ dim: 300 }, 'dim'],
] as [object, string][])('bench: %j is refused', async (options, message) => {
  await expect(flash.bench(options)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  await expect(flash.bench(options)).rejects.toThrow(message);
});
