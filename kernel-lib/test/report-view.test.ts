import { CAUSAL, NO_FEATURES, type Problem } from '../src/api/problem';
import type { AttentionReportData, ReportError } from '../src/experiments/report-data';
import { AttentionReport } from '../src/experiments/report';
import { DISPLAY } from '../src/plots/figure';
import { elements, parseXml } from './support/xml';

const EVIL = '<script>alert(1)</script> & "GPU"';

const problem: Problem = {
  ...NO_FEATURES,
  ...{ B: 1, H: 4, Hk: 2, Nq: 64, Nk: 64, D: 16, Dv: 16 },
  ...{ scale: 0.25, band: CAUSAL, layout: 'bhnd', packing: 'none', dtype: 'f32' },
};

const check = (more: Partial<ReportError> = {}): ReportError => ({
  ...{ output: 'out', against: 'float64', error: 1e-7, allowed: 5e-6, ok: true },
  ...{ worstIndex: [0, 1, 2, 3], rowsChecked: 64, rowsTotal: 64 },
  ...more,
});

function report(more: Partial<AttentionReportData> = {}): AttentionReport {
  const measured = (['flash2', 'naive'] as const).flatMap((algorithm) =>
    (['forward', 'backward'] as const).flatMap((pass) => [32, 64].map((seq) => ({ algorithm, pass, seq }))),
  );
  const timings = measured.map((one) => ({
    ...one,
    ...{ ms: one.seq / 10, spread: 0.25, runs: 5, clock: 'gpu timestamps' as const, gflops: 1.5 },
  }));
  const memory = measured.map((one) => ({ ...one, measured: 3 * 2 ** 20, formula: 2 * 2 ** 20 }));
  return new AttentionReport({
    device: {
      ...{
        kind: 'software',
        name: EVIL,
        driver: 'test',
        vendor: 'v',
        architecture: 'a',
        reason: 'the test',
        features: [],
      },
      ...{ limits: {}, subgroupMinSize: 4, subgroupMaxSize: 4, timestamps: true },
    },
    problem,
    ...{ dtype: 'f32', seed: 5, randomInputs: true, algorithm: 'flash2' },
    paths: { forward: 'flash2 forward', backward: 'flash2 backward' },
    tiles: { br: 8, bc: 32, visited: 10, total: 16 },
    errors: [check(), check({ output: 'dq', against: 'naive', rowsChecked: 8 })],
    timings: timings.filter(({ seq }) => seq === 64),
    memory: memory.filter(({ seq }) => seq === 64),
    sweep: { timings, memory },
    notes: ['naive at 4096 not run: too large'],
    seconds: 3.21,
    ...more,
  });
}

const html = (of: AttentionReport): string => of.parts()[0]['text/html'] as string;

test('parts are the tables, then the figure; the display method joins them', () => {
  const one = report();
  const [tables, figure] = one.parts();
  expect(Object.keys(tables)).toEqual(['text/html', 'text/plain']);
  expect(Object.keys(figure)).toEqual(['application/vnd.plotly.v1+json', 'image/svg+xml', 'text/plain']);
  const whole = one[DISPLAY]();
  expect(Object.keys(whole).sort()).toEqual([...new Set([...Object.keys(tables), ...Object.keys(figure)])].sort());
  expect(whole['text/html']).toContain('<svg');
  expect(whole['text/html']).toContain('<table>');
  expect(whole['text/plain']).toBe(one.toString());
});

test('tells device, path, tiles, problem, notes, errors beside allowed, times, rate and memory', () => {
  const text = report().toString();
  for (const part of [
    'All 2 checks passed',
    'flash2: B 1, H 4, Hk 2, N 64, D 16, f32, causal, random inputs, seed 5',
    'flash2 forward; flash2 backward',
    '8 queries x 32 keys; 10 of 16 visited',
    'naive at 4096 not run: too large',
    'GPU timestamps',
    'a sample of rows',
  ]) {
    expect(text).toContain(part);
  }
  expect(text).toMatch(/out +float64 +1\.00e-7 +5\.00e-6 +yes +0,1,2,3 +all 64/);
  expect(text).toMatch(/dq +naive .* 8 of 64/);
  expect(text).toMatch(/naive +backward +6\.4 ms +5 +25 % +1\.5 +3 MiB +2 MiB/);
});

test('names every feature of the problem', () => {
  const shape = [1, 4, 1, 64] as const;
  const features: Partial<Problem> = {
    band: { left: 8, right: Infinity },
    softcap: 30,
    alibiSlopes: new Float32Array(4),
    bias: { shape, dtype: 'f16' },
    mask: { shape, dtype: 'bool' },
    dropout: { p: 0.1, seed: 3 },
  };
  expect(report({ problem: { ...problem, ...features } }).toString()).toContain(
    'f32, softcap 30, ALiBi, bias (1,4,1,64) f16, mask (1,4,1,64), window [8, -1], dropout 0.1, random inputs',
  );
  expect(report({ problem: { ...problem, band: NO_FEATURES.band } }).toString()).toContain('f32, not causal,');
});

test('html is well-formed, escaped and without scripts', () => {
  const root = parseXml(`<div>${html(report())}</div>`);
  expect(elements(root, 'script')).toEqual([]);
  expect(elements(root, 'table')).toHaveLength(2);
  expect(html(report())).not.toContain('<script');
  expect(report().figure.svg).not.toContain('<script');
});

test('a failed check is not ok and stands out in every form', () => {
  const failed = report({ errors: [check(), check({ output: 'dk', error: 3e-2, ok: false })] });
  expect(failed.ok).toBe(false);
  const message = 'FAILED: 1 of 2 checks; dk is off by 3.00e-2 against float64 (allowed 5.00e-6)';
  expect(failed.toString().split('\n')[0]).toBe(message);
  expect(html(failed)).toMatch(/^<p style="color:#[0-9a-f]+;font-weight:bold/);
  expect(html(failed)).toContain(message);
  expect(html(failed)).toMatch(/<tr style="color:[^>]*><td[^>]*>dk</);
  expect(failed.figure.svg).toContain(message);
  expect(JSON.stringify(failed.figure.plotly.layout)).toContain(message);
  expect(report().figure.svg).not.toContain('FAILED');
});

test('an error that is not a number fails as infinite; nothing checked is no success', () => {
  const infinite = report({ errors: [check({ error: Infinity, ok: false })] });
  expect(infinite.toString()).toMatch(/out is off by Infinity/);
  expect(report({ errors: [] }).ok).toBe(false);
  expect(report({ errors: [] }).toString()).toContain('FAILED: nothing was checked');
});

test('the figure has the sweep, and an algorithm that was not run leaves a gap', () => {
  const { timings, memory } = report().sweep;
  const fits = ({ seq, algorithm }: { seq: number; algorithm: string }): boolean =>
    algorithm === 'flash2' || seq === 32;
  const short = report({ sweep: { timings: timings.filter(fits), memory: memory.filter(fits) } });
  const lengths = short.figure.plotly.data.map((trace) => [trace.name, trace.x]);
  expect(lengths).toContainEqual(['flash2 forward', [32, 64]]);
  expect(lengths).toContainEqual(['naive backward', [32]]);
});
