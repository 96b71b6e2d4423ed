import { attention } from '../src/api/attention';
import type { AttentionOptions } from '../src/api/options';
import { caseProblem, type CheckCase } from '../src/check/case';
import { parseCase } from '../src/check/case-name';
import { caseTruth, type Output } from '../src/check/case-truth';
import { check } from '../src/check/check';
import { checkCase } from '../src/check/check-case';
import { DISPLAY } from '../src/plots/figure';
import { yardstickBackward, yardstickForward } from '../src/reference';
import { exchangeAxes, shapeOf } from '../src/tensor/layout';
import { tensor, type Tensor } from '../src/tensor/tensor';

// What is tested here is the check itself, so attention is replaced by one that is right until a test spoils it.
jest.mock('../src/device/default-device', () => ({ device: () => Promise.resolve({ name: 'stand-in' }) }));
jest.mock('../src/api/attention', () => ({ attention: jest.fn() }));

type Spoil = (output: Output, values: Float64Array, options: AttentionOptions) => void;

function standIn(c: CheckCase, spoil: Spoil = () => undefined): void {
  const { B, H, Hk, Nq, Nk, D, Dv, layout, dtype } = c;
  const problem = caseProblem(c);
  const read = async (x: Tensor, heads: number, N: number, width: number) =>
    layout === 'bhnd' ? x.data() : exchangeAxes(await x.data(), B, N, heads, width);
  jest.mocked(attention).mockImplementation(async (tq, tk, tv, options = {}) => {
    expect(tq.shape).toEqual(shapeOf(layout, B, H, Nq, D));
    expect(tk.shape).toEqual(shapeOf(layout, B, Hk, Nk, D));
    expect(tv.shape).toEqual(shapeOf(layout, B, Hk, Nk, Dv));
    expect([tq, tk, tv].map((x) => x.dtype)).toEqual([dtype, dtype, dtype]);
    expect(options).toMatchObject({ causal: c.causal, layout, scale: c.scale });
    const inputs = {
      ...{ q: await read(tq, H, Nq, D), k: await read(tk, Hk, Nk, D), v: await read(tv, Hk, Nk, Dv) },
      ...{ bias: await options.bias?.data(), mask: await options.mask?.data() },
    };
    const write = (output: Output, values: Float64Array, heads: number, N: number, width: number): Tensor => {
      spoil(output, values, options);
      const data = Float32Array.from(values);
      const ordered = layout === 'bhnd' ? data : exchangeAxes(data, B, heads, N, width);
      return tensor(ordered, shapeOf(layout, B, heads, N, width), { dtype });
    };
    const forward = yardstickForward(problem, inputs);
    spoil('lse', forward.lse, options);
    const backward = async (tdout: Tensor) => {
      const gradients = yardstickBackward(problem, inputs, await read(tdout, H, Nq, Dv));
      spoil('dbias', gradients.dbias, options);
      const { bias } = options;
      return {
        dq: write('dq', gradients.dq, H, Nq, D),
        dk: write('dk', gradients.dk, Hk, Nk, D),
        dv: write('dv', gradients.dv, Hk, Nk, Dv),
        ...(bias ? { dbias: tensor(gradients.dbias, bias.shape, { dtype: bias.dtype as 'f32' }) } : {}),
      };
    };
    const out = write('out', forward.out, H, Nq, Dv);
    const result = { out, lse: tensor(forward.lse, [B, H, Nq]), backward, dispose: () => undefined };
    return result as unknown as Awaited<ReturnType<typeof attention>>;
  });
}

const plain = 'B2_H4_Hk2_Nq5_Nk7_D3_Dv4_causal_bnhd_seed5';
const featured = 'B2_H4_Hk2_Nq5_Nk7_D3_Dv4_softcap2_f16_biash1k.f32_maskb11k_dropout0.3_bnhd_seed5';
// Long enough for a sample of rows.
const sampled = 'B1_H2_Hk1_Nq150_Nk1000_D128_Dv128_seed1';

describe('checkCase', () => {
  const right = [plain, 'B1_H2_Hk2_Nq6_Nk3_D4_Dv2_causal_seed0', featured, sampled];
  test.each(right)('passes what is right: %s', async (name) => {
    standIn(parseCase(name));
    const rows = await checkCase(parseCase(name), 'flash2');
    const outputs = ['out', 'lse', 'dq', 'dk', 'dv', ...(name === featured ? ['dbias'] : [])];
    expect(rows.map((row) => row.output)).toEqual(outputs);
    const dtype = name === featured ? 'f16' : 'f32';
    for (const row of rows) {
      expect(row).toEqual({
        ...{ case: name, adapter: 'stand-in', algorithm: 'flash2', dtype, ok: true },
        ...{ output: row.output, error: expect.any(Number), allowed: expect.any(Number) },
      });
    }
  });

  // Index into the whole 'bhnd' array, and the coordinates that the report must name.
  const spoiled: [string, Output, number, number[]][] = [
    [plain, 'out', ((1 * 4 + 2) * 5 + 3) * 4 + 1, [1, 2, 3, 1]],
    [plain, 'lse', (1 * 4 + 3) * 5 + 4, [1, 3, 4]],
    [plain, 'dq', 0, [0, 0, 0, 0]],
    [plain, 'dk', ((1 * 2 + 1) * 7 + 6) * 3 + 2, [1, 1, 6, 2]],
    [plain, 'dv', (0 * 7 + 2) * 4 + 3, [0, 0, 2, 3]],
    [featured, 'dbias', 2 * 7 + 5, [2, 0, 5]],
    [featured, 'dk', ((1 * 2 + 1) * 7 + 6) * 3 + 2, [1, 1, 6, 2]],
    [sampled, 'out', 2 * 150 * 128 - 1, [0, 1, 149, 127]],
    [sampled, 'dv', 999 * 128 + 5, [0, 0, 999, 5]],
  ];
  test.each(spoiled)('%s: finds one wrong number in %s, and where', async (name, output, index, at) => {
    for (const wrong of name === sampled ? [NaN] : [1e3, NaN, Infinity]) {
      standIn(parseCase(name), (which, values) => {
        if (which === output) values[index] = wrong;
      });
      const rows = await checkCase(parseCase(name), 'naive');
      expect(rows.filter((row) => !row.ok)).toEqual([expect.objectContaining({ output, algorithm: 'naive' })]);
      const row = rows.find((r) => r.output === output)!;
      expect(row.worst).toMatchObject({ at, actual: wrong });
      expect(Number.isFinite(row.worst!.expected)).toBe(true);
    }
  });

  test('a sampled case keeps dout to its rows, so that dk and dv are compared whole', async () => {
    const c = parseCase(sampled);
    const { rows, inputs, expected } = caseTruth(c);
    const filled = new Set(
      Array.from(inputs.dout.keys())
        .filter((t) => inputs.dout[t] !== 0)
        .map((t) => Math.floor(t / c.Dv)),
    );
    expect([...filled]).toEqual(rows!.out);
    expect(expected.dk!.reference).toHaveLength(c.Nk * c.D);
    expect(expected.dq!.reference).toHaveLength(rows!.lse.length * c.D);
  });
});

describe('check', () => {
  test('reports failures, by algorithm, and is not ok', async () => {
    const c = parseCase(plain);
    standIn(c, (output, values, { algorithm }) => {
      if (output === 'dk' && algorithm === 'naive') values[4] += 1;
    });
    const fractions: number[] = [];
    const told: object[] = [];
    const report = await check({
      filter: plain,
      onRow: (row) => told.push(row),
      onProgress: (fraction) => fractions.push(fraction),
    });
    expect(report.rows).toHaveLength(15);
    expect(told).toEqual(report.rows);
    expect(report.rows.filter((row) => !row.ok).map((row) => [row.algorithm, row.output])).toEqual([['naive', 'dk']]);
    expect(report.ok).toBe(false);
    expect(fractions).toEqual([1]);
    expect(String(report)).toContain('1 of 15 rows FAILED');
    const shown = report[DISPLAY]();
    expect(shown['text/html']).toContain('0,0,1,1');
    expect(shown['image/svg+xml']).toContain('1 of 15 results FAILED');
    const { data } = shown['application/vnd.plotly.v1+json'] as { data: { name: string; x: number[]; y: number[] }[] };
    expect(data.map(({ name }) => name)).toEqual(['flash2', 'flash1', 'naive', 'allowed']);
    // Ranks 1 to 5; the failed one of naive is first, and beyond the limit.
    expect(data[2].y[0]).toBeGreaterThan(1);
    expect(Math.max(...data[0].y, ...data[1].y)).toBeLessThan(1);
  });

  test('leaves flash1 out of large head sizes, unless the case itself or `full` asks for it', async () => {
    const name = 'B1_H1_Hk1_Nq20_Nk20_D64_Dv5_seed0';
    standIn(parseCase(name));
    const algorithms = async (options: object): Promise<string[]> => {
      const { rows } = await check(options);
      return [...new Set(rows.map((row) => row.algorithm))];
    };
    expect(await algorithms({ filter: name.slice(0, -1) })).toEqual(['flash2', 'naive']);
    expect(await algorithms({ filter: name.slice(0, -1), full: true })).toEqual(['flash2', 'flash1', 'naive']);
    expect(await algorithms({ filter: name })).toEqual(['flash2', 'flash1', 'naive']);
  });

  test('is ok where all is right; the seed replaces that of the case', async () => {
    standIn(parseCase(plain.replace('seed5', 'seed9')));
    const report = await check({ filter: plain, seed: 9, algorithms: ['flash2'] });
    expect(report).toMatchObject({ ok: true, adapter: 'stand-in' });
    expect(report.rows.every((row) => row.case.endsWith('_seed9'))).toBe(true);
    expect(String(report)).toContain('1 cases on stand-in: all within the allowed error');
  });

  test('stops at an abort with its reason', async () => {
    standIn(parseCase(plain));
    const reason = new Error('enough');
    await expect(check({ filter: plain, signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });

  test.each([
    [{ filter: 'no such case' }, 'filter'],
    [{ filter: 3 }, 'filter'],
    [{ seed: -1 }, 'seed'],
    [{ seed: 0.5 }, 'seed'],
    [{ full: 'yes' }, 'full'],
    [{ algorithms: [] }, 'algorithms'],
    [{ algorithms: ['flash9'] }, 'algorithms'],
    [{ algorithms: 'naive' }, 'algorithms'],
  ])('refuses %j', async (options, name) => {
    await expect(check(options as object)).rejects.toMatchObject({
      ...{ name: 'FlashError', code: 'INVALID_ARGUMENT', message: expect.stringContaining(`check: ${name}: expected`) },
    });
  });
});

test('exchangeAxes moves rows and is undone by itself with the axes exchanged', () => {
  // (B,first,second,width) = (1,2,3,2)
  const x = Float32Array.of(0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15);
  const exchanged = exchangeAxes(x, 1, 2, 3, 2);
  expect([...exchanged]).toEqual([0, 1, 10, 11, 2, 3, 12, 13, 4, 5, 14, 15]);
  expect(exchangeAxes(exchanged, 1, 3, 2, 2)).toEqual(x);
});
