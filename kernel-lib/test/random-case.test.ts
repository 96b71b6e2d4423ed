import { caseProblem, type CheckCase } from '../src/check/case';
import type { CaseInputs } from '../src/check/case-inputs';
import { caseName, parseCase } from '../src/check/case-name';
import { Dice } from '../src/check/dice';
import { fuzzCase, newTally, shrinkFailure } from '../src/check/fuzz';
import { randomCase } from '../src/check/random-case';
import { runCase, type CaseOutputs } from '../src/check/run-case';
import { shrinkCase, smallerCases } from '../src/check/shrink-case';
import { yardstickBackward, yardstickForward } from '../src/reference';

// What runs a case is replaced by one that is right until a test spoils it.
jest.mock('../src/device/default-device', () => ({ device: () => Promise.resolve({ name: 'stand-in' }) }));
jest.mock('../src/check/run-case', () => ({ runCase: jest.fn() }));

describe('random cases', () => {
  const cases = Array.from({ length: 2000 }, (_, seed) => randomCase(seed));
  const share = (has: (c: CheckCase) => boolean): number => cases.filter(has).length / cases.length;

  test('are what their seed says, and rebuilt from their names', () => {
    for (const [seed, c] of cases.entries()) expect(parseCase(caseName(c))).toEqual(randomCase(seed));
    expect(new Set(cases.map(caseName)).size).toBe(cases.length);
    expect(parseCase(caseName(randomCase(2 ** 32 - 1)))).toEqual(randomCase(2 ** 32 - 1));
  });

  test('are valid calls of bounded work', () => {
    for (const { B, H, Hk, Nq, Nk, D, Dv, lengths, packing } of cases) {
      expect(H % Hk).toBe(0);
      if (lengths) expect([lengths.q.length, lengths.k.length]).toEqual([B, B]);
      if (packing !== 'none') expect([D, lengths]).toEqual([Dv, null]);
      if (packing === 'qkv') expect([H, Nq]).toEqual([Hk, Nk]);
      expect(B * H * Nq * Nk * (D + Dv)).toBeLessThanOrEqual(4e6);
    }
  });

  test.each<[string, (c: CheckCase) => boolean, number]>([
    ['causal', (c) => c.causal, 0.2],
    ['window', (c) => c.window !== null, 0.2],
    ['softcap', (c) => c.softcap > 0, 0.1],
    ['alibi', (c) => c.alibi !== null, 0.1],
    ['bias that forbids rows', (c) => c.bias?.forbids === true, 0.08],
    ['mask', (c) => c.mask !== null, 0.2],
    ['dropout', (c) => c.dropout > 0, 0.15],
    ['float16', (c) => c.dtype === 'f16', 0.2],
    ['bnhd', (c) => c.layout === 'bnhd', 0.1],
    ['packed in one tensor', (c) => c.packing !== 'none', 0.05],
    ['an empty sequence', (c) => c.lengths?.q.includes(0) === true, 0.05],
    ['grouped heads', (c) => c.H > c.Hk, 0.2],
    ['forced tiles', (c) => c.tiles !== null, 0.1],
    ['huge scores', (c) => c.times >= 40, 0.05],
    ['equal scores', (c) => c.values === 'equal', 0.02],
    ['keys and values far from 0', (c) => c.values === 'shifted', 0.02],
    ['subnormal numbers', (c) => c.values === 'subnormal', 0.02],
    ['one key', (c) => c.Nk === 1, 0.03],
    ['Nq > Nk, causal', (c) => c.causal && c.Nq > c.Nk, 0.05],
    ['none of the options', (c) => /^(?:[A-Z][a-z]?[\d,]+_){7}(?:varlen_)?seed\d+$/.test(caseName(c)), 0.02],
    [
      'five features at once',
      (c) => [c.window, c.softcap, c.alibi, c.bias, c.mask, c.dropout].filter(Boolean).length > 4,
      0.001,
    ],
  ])('have %s often enough', (_, has, least) => {
    expect(share(has)).toBeGreaterThan(least);
  });

  test('keep to the kernels they may use', () => {
    const kernels = [{ D: 5, Dv: 9, dtype: 'f16', tiles: { br: 2, bc: 3 } }] as const;
    for (let seed = 0; seed < 50; seed++) {
      expect(randomCase(seed, { kernels, longest: 20, products: 1e5 })).toMatchObject({
        ...kernels[0],
        packing: 'none',
      });
    }
  });
});

test('dice are even, and unrelated for neighbouring seeds', () => {
  const counts = new Array<number>(10).fill(0);
  let same = 0;
  for (let seed = 0; seed < 5000; seed++) {
    const [first, second] = [new Dice(seed).whole(0, 9), new Dice(seed + 1).whole(0, 9)];
    counts[first]++;
    if (first === second) same++;
  }
  // 500 are expected of each; 110 are five standard deviations.
  for (const count of [...counts, same]) expect(Math.abs(count - 500)).toBeLessThan(110);
});

describe('shrinking', () => {
  const failing = parseCase(
    'B3_H6_Hk3_Nq40,0,31_Nk17,9,50_D33_Dv65_varlen_causal_window5,3_softcap2_alibi.batch_f16_bias1hqk.f32.forbids_' +
      'maskbh1k_dropout0.5_scale0.3_times5_tiles5x7_seed77',
  );

  test('leaves only what the failure needs', async () => {
    const needs = (c: CheckCase): boolean => c.bias !== null && c.bias.axes.endsWith('k') && c.Nk >= 9 && c.H > 2;
    const shrunk = await shrinkCase(failing, (c) => Promise.resolve(needs(c)));
    expect(caseName(shrunk)).toBe('B1_H3_Hk3_Nq1_Nk9_D1_Dv1_biask_seed0');
  });

  test('keeps sequences where they matter', async () => {
    const needs = ({ lengths }: CheckCase): boolean =>
      lengths !== null && lengths.q.some((n, b) => n === 0 && lengths.k[b] > 3);
    const shrunk = await shrinkCase(failing, (c) => Promise.resolve(needs(c)));
    expect(caseName(shrunk)).toBe('B1_H1_Hk1_Nq0_Nk4_D1_Dv1_varlen_seed0');
  });

  test('keeps to valid calls', async () => {
    const packed = parseCase('B2_H4_Hk4_Nq33_Nk33_D16_Dv16_causal_qkv_seed3');
    const shrunk = await shrinkCase(packed, (c) => Promise.resolve(c.packing === 'qkv' && c.Nq > 4));
    expect(caseName(shrunk)).toBe('B1_H1_Hk1_Nq5_Nk5_D1_Dv1_qkv_seed0');
    for (let seed = 0; seed < 300; seed++) {
      for (const c of smallerCases(randomCase(seed))) {
        expect(parseCase(caseName(c))).toEqual(c);
        expect(c.H % c.Hk).toBe(0);
        if (c.packing !== 'none') expect(c.D).toBe(c.Dv);
      }
    }
  });

  test('ends after the tries it is given', async () => {
    let tries = 0;
    const shrunk = await shrinkCase(failing, () => Promise.resolve(++tries > 0), 5);
    expect(tries).toBe(5);
    expect(caseName(shrunk).length).toBeLessThan(caseName(failing).length);
  });

  test('returns the case itself where nothing smaller fails', async () => {
    expect(await shrinkCase(failing, () => Promise.resolve(false))).toBe(failing);
  });
});

describe('the fuzz', () => {
  const limits = { longest: 20, products: 1e5 };
  const right = (c: CheckCase, inputs: CaseInputs): CaseOutputs => {
    const problem = caseProblem(c);
    const results = { ...yardstickForward(problem, inputs), ...yardstickBackward(problem, inputs, inputs.dout) };
    const { out, lse, dq, dk, dv, dbias } = results;
    return Object.fromEntries(
      Object.entries({ out, lse, dq, dk, dv, dbias }).map(([name, values]) => [name, Float32Array.from(values)]),
    );
  };
  const stand = (spoil: (c: CheckCase, outputs: CaseOutputs, algorithm: string) => void): void => {
    jest.mocked(runCase).mockImplementation((c, inputs, algorithm) => {
      const outputs = right(c, inputs);
      spoil(c, outputs, algorithm);
      return Promise.resolve(outputs);
    });
  };
  const run = async (count: number) => {
    const tally = newTally();
    const failures = [];
    for (let seed = 0; seed < count; seed++)
      failures.push(...(await fuzzCase(seed, ['flash2', 'naive'], tally, limits)));
    return { tally, failures };
  };

  test('finds nothing in what is right, and counts it', async () => {
    stand(() => undefined);
    const { tally, failures } = await run(30);
    expect(failures).toEqual([]);
    expect(tally.cases).toBe(30);
    expect(tally.rows).toBeGreaterThanOrEqual(30 * 2 * 5);
    expect(tally.worst!.error).toBeLessThanOrEqual(tally.worst!.allowed);
  });

  test('finds a wrong number, tells the seed and the algorithm, and shrinks it', async () => {
    stand((c, { dk }, algorithm) => {
      if (algorithm === 'naive' && c.softcap > 0 && c.Nk > 2) dk![0] += 10 + Math.abs(dk![0]);
    });
    const { failures, tally } = await run(60);
    expect(failures.length).toBeGreaterThan(2);
    for (const { seed, case: name, algorithm, reason } of failures) {
      expect(name).toBe(caseName(randomCase(seed, limits)));
      expect(randomCase(seed, limits).softcap).toBeGreaterThan(0);
      expect([algorithm, reason]).toEqual(['naive', expect.stringContaining('dk off by')]);
    }
    expect(tally.worst!.ok).toBe(false);
    const shrunk = await shrinkFailure(failures[0], limits);
    expect(shrunk.case).toMatch(/^B1_H1_Hk1_Nq1_Nk3_D1_Dv1_softcap[\d.]+_seed0$/);
    expect(shrunk.reason).toContain('dk off by');
  });

  test('takes a call that rejects for a failure', async () => {
    stand((c) => {
      if (c.lengths) throw new TypeError('no sequences here');
    });
    const { failures } = await run(30);
    expect(failures.length).toBeGreaterThan(2);
    expect(failures[0].reason).toBe('TypeError: no sequences here');
    expect((await shrinkFailure(failures[0], limits)).case).toMatch(/^B1_H1_Hk1_Nq[01]_Nk[01]_D1_Dv1_varlen_seed0$/);
  });
});
