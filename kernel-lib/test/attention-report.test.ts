import { tensor, randn, attention, type Tensor } from '../src/node';
import type { Algorithm } from '../src/api/options';
import { CAUSAL, NO_FEATURES } from '../src/api/problem';
import { defaultDevice } from '../src/device/default-device';
import { attentionReport, type AttentionReportOptions } from '../src/experiments/attention-report';
import { peakBytes } from '../src/cost/peak-memory';
import { UNIFORM_WORDS } from '../src/features/score';
import { elements, parseXml } from './support/xml';
import { onEachAdapter } from './support/devices';
import { leftBehind } from './support/left-behind';

// Few pairs of head sizes, (8,8), (8,4) and (64,64): each pair is compiled once, which takes most of the time on a CPU.

/** Small, with groups and unequal lengths. */
const small: AttentionReportOptions = { batch: 2, heads: 4, kvHeads: 2, seq: 40, seqK: 52, dim: 8, dimV: 4 };

onEachAdapter('attentionReport', () => {
  test('checks, times and measures both algorithms over a sweep', async () => {
    const fractions: number[] = [];
    const report = await attentionReport(small, undefined, { onProgress: (fraction) => fractions.push(fraction) });
    expect(report.problem).toMatchObject({ B: 2, H: 4, Hk: 2, Nq: 40, Nk: 52, D: 8, Dv: 4, band: NO_FEATURES.band });
    expect(report.errors.map(({ output, against }) => `${output} ${against}`)).toEqual(
      ['float64', 'naive'].flatMap((against) =>
        ['out', 'lse', 'dq', 'dk', 'dv'].map((output) => `${output} ${against}`),
      ),
    );
    expect(report.errors.filter(({ ok }) => !ok)).toEqual([]);
    expect(report.ok).toBe(true);
    expect(report.device).toEqual((await defaultDevice()).info);
    expect(report.paths.forward).toContain('flash2');
    expect(report.tiles?.visited).toBeGreaterThan(0);
    const runs = ['flash2', 'naive'].flatMap((algorithm) =>
      ['forward', 'backward'].map((pass) => `${algorithm} ${pass}`),
    );
    expect(report.timings.map(({ algorithm, pass }) => `${algorithm} ${pass}`)).toEqual(runs);
    for (const timing of report.timings) {
      expect(timing).toMatchObject({ seq: 40, ms: expect.any(Number), gflops: expect.any(Number) });
      expect(timing.ms).toBeGreaterThan(0);
      expect(timing.runs).toBeGreaterThan(0);
    }
    expect(report.sweep.timings.map(({ seq }) => seq)).toEqual([16, 32, 40].flatMap((seq) => Array(4).fill(seq)));
    expect(fractions.at(-1)).toBe(1);
    expect(fractions).toEqual([...fractions].sort((a, b) => a - b));
    expect(fractions.length).toBeGreaterThan(5);
    expect(elements(parseXml(report.figure.svg), 'text').map(({ text }) => text)).toContain('time (ms)');
  });

  test.each(['flash2', 'flash1'] as const)('device memory of %s and naive is what the formula says', async (own) => {
    const { problem, memory, errors } = await attentionReport({ ...small, algorithm: own });
    expect(errors.filter(({ ok }) => !ok)).toEqual([]);
    for (const { algorithm, pass, measured, formula } of memory) {
      expect(formula).toBe(peakBytes(problem, algorithm as Algorithm, pass));
      // Buffers are rounded up to 16 bytes, of which there are less than a dozen.
      expect(measured).toBeGreaterThanOrEqual(formula);
      expect(measured).toBeLessThan(formula + 12 * 16);
    }
  });

  test('nothing that it made stays on the device', async () => {
    expect(await leftBehind(() => attentionReport({ seq: 24, heads: 2, dim: 8 }))).toBe(0);
  });

  test.each<[string, AttentionReportOptions]>([
    ['causal, layout bnhd, own scale', { ...small, causal: true, layout: 'bnhd', scale: -0.7 }],
    ['naive as the algorithm, against flash2', { seq: 20, heads: 2, dim: 8, algorithm: 'naive' }],
    ['reference as the algorithm', { seq: 20, heads: 2, dim: 8, algorithm: 'reference' }],
    ['one query and one key', { seq: 1, heads: 1, dim: 8 }],
    ['more queries than keys, causal: rows with nothing to see', { seq: 33, seqK: 9, dim: 8, causal: true }],
    ['tiles', { seq: 33, heads: 2, dim: 8, tiles: { br: 4, bc: 8 } }],
  ])('%s: all checks pass', async (_, options) => {
    const report = await attentionReport(options);
    expect(report.errors).toHaveLength(10);
    expect(report.errors.filter(({ ok }) => !ok)).toEqual([]);
  });

  test('every option at once, in f16 and with a swept bias and mask: all checks pass, dbias among them', async () => {
    const report = await attentionReport({
      ...small,
      ...{
        dtype: 'f16',
        causal: true,
        window: [30, -1],
        softcap: 5,
        alibiSlopes: [0.5, 0.25, 0, 0.1],
        dropout: 0.2,
        seed: 3,
      },
      bias: randn([4, 40, 52], { seed: 8, dtype: 'f16' }),
      mask: tensor(
        Array.from({ length: 2 * 52 }, (_, t) => t % 7 !== 0),
        [2, 1, 1, 52],
        { dtype: 'bool' },
      ),
    });
    expect(report.errors.map(({ output }) => output).slice(0, 6)).toEqual(['out', 'lse', 'dq', 'dk', 'dv', 'dbias']);
    expect(report.errors.filter(({ ok }) => !ok)).toEqual([]);
    expect(report.problem).toMatchObject({
      dtype: 'f16',
      dropout: { p: 0.2, seed: 3 },
      bias: { shape: [1, 4, 40, 52] },
    });
    expect(report.sweep.timings.map(({ seq }) => seq)).toEqual([16, 32, 40].flatMap((seq) => Array(4).fill(seq)));
    for (const { measured, formula } of report.memory) {
      expect(measured).toBeGreaterThanOrEqual(formula);
      // Beside the formula: the features' uniform block, and buffers rounded up.
      expect(measured).toBeLessThan(formula + 4 * UNIFORM_WORDS + 15 * 16 + 4 * 4);
    }
  });

  test('a long problem is checked on a sample of rows, dk and dv included', async () => {
    const report = await attentionReport({ heads: 1, seq: 900, dim: 64, causal: true });
    const { rowsChecked, rowsTotal } = report.errors[0];
    expect(rowsTotal).toBe(900);
    expect(rowsChecked).toBeLessThan(rowsTotal);
    expect(report.errors.filter(({ ok }) => !ok)).toEqual([]);
  });

  test('the same seed gives the same errors, another seed others', async () => {
    const errors = async (seed: number): Promise<number[]> =>
      (await attentionReport({ seq: 20, heads: 2, dim: 8, seed })).errors.map(({ error }) => error);
    const first = await errors(3);
    expect(await errors(3)).toEqual(first);
    expect(await errors(4)).not.toEqual(first);
  });

  describe('given inputs', () => {
    const given = (): Record<'q' | 'k' | 'v', Tensor> => ({
      q: randn([1, 2, 20, 8], { seed: 1 }),
      k: randn([1, 1, 24, 8], { seed: 2 }),
      v: randn([1, 1, 24, 4], { seed: 3 }),
    });

    test('are used, and stay alive', async () => {
      const inputs = given();
      const report = await attentionReport({ causal: true }, inputs);
      expect(report.problem).toMatchObject({ B: 1, H: 2, Hk: 1, Nq: 20, Nk: 24, D: 8, Dv: 4, band: CAUSAL });
      expect(report).toMatchObject({ ok: true, randomInputs: false });
      const result = await attention(inputs.q, inputs.k, inputs.v);
      expect(result.out.shape).toEqual([1, 2, 20, 4]);
    });

    test('with a NaN give a report that is not ok, and says so', async () => {
      const values = Float32Array.from({ length: 320 }, (_, index) => (index === 7 ? NaN : 0.1));
      const report = await attentionReport({}, { ...given(), q: tensor(values, [1, 2, 20, 8]) });
      expect(report.ok).toBe(false);
      expect(report.toString()).toMatch(/^FAILED/);
    });

    test('of shapes that do not agree are refused before anything runs', async () => {
      const inputs = { ...given(), k: randn([1, 1, 24, 6]) };
      await expect(attentionReport({}, inputs)).rejects.toMatchObject({ code: 'SHAPE', message: /^k: expected shape/ });
    });
  });

  test.each<[string, object, string]>([
    ['an unknown option', { sequence: 5 }, 'INVALID_ARGUMENT'],
    ['a scale that is NaN', { scale: NaN }, 'INVALID_ARGUMENT'],
    ['a softcap that is no number', { softcap: '30' }, 'INVALID_ARGUMENT'],
    ['a bad size', { seq: -1 }, 'INVALID_ARGUMENT'],
    ['a signal that is none', { signal: 1 }, 'INVALID_ARGUMENT'],
  ])('refuses %s, and leaves nothing behind', async (_, options, code) => {
    const refused = (): Promise<void> =>
      expect(attentionReport(options)).rejects.toMatchObject({ name: 'FlashError', code });
    expect(await leftBehind(refused)).toBe(0);
  });

  test.each([0, 0.1, 0.5, 0.9])(
    'an abort at %p of the work rejects with the reason and frees everything',
    async (at) => {
      const control = new AbortController();
      const reason = new Error('enough');
      if (at === 0) control.abort(reason);
      const onProgress = (fraction: number): void => {
        if (fraction >= at) control.abort(reason);
      };
      const options = { signal: control.signal, onProgress };
      const report = (): Promise<unknown> => attentionReport({ seq: 64, heads: 2, dim: 8 }, undefined, options);
      expect(await leftBehind(() => expect(report()).rejects.toBe(reason))).toBe(0);
      // The device is still good.
      expect((await attentionReport({ seq: 16, heads: 1, dim: 8 })).ok).toBe(true);
    },
  );
});
