import { caseProblem, operandShape } from '../src/check/case';
import { caseInputs } from '../src/check/case-inputs';
import { caseName, isCaseName, parseCase } from '../src/check/case-name';
import { checkCases, headSizes } from '../src/check/cases';

describe('the table of cases', () => {
  const cases = checkCases(true);
  const defaults = checkCases();

  test('every case is rebuilt from its name', () => {
    for (const original of cases) expect(parseCase(caseName(original))).toEqual(original);
  });

  test('has no case twice, and the default set is the first part of the full one', () => {
    const names = cases.map(caseName);
    expect(new Set(names).size).toBe(names.length);
    expect(names.slice(0, defaults.length)).toEqual(defaults.map(caseName));
  });

  test('holds valid calls', () => {
    for (const { B, H, Hk, Nq, Nk, D, Dv, lengths, packing, window, dropout } of cases) {
      expect(H % Hk).toBe(0);
      for (const size of [B, H, Hk, Nq, Nk, D, Dv]) expect(Number.isInteger(size) && size > 0).toBe(true);
      expect(Math.max(D, Dv)).toBeLessThanOrEqual(256);
      if (lengths) expect([lengths.q.length, lengths.k.length]).toEqual([B, B]);
      if (packing !== 'none') expect([D, lengths]).toEqual([Dv, null]);
      if (packing === 'qkv') expect([H, Nq]).toEqual([Hk, Nk]);
      if (window) expect(window.every((n) => Number.isInteger(n) && n >= -1)).toBe(true);
      expect(dropout >= 0 && dropout < 1).toBe(true);
    }
  });

  test('covers, by default already, what breaks kernels', () => {
    for (const D of [1, 3, 16, 33, 64, 100, 129, 256]) {
      expect(defaults.some((c) => c.D === D && c.Dv === D)).toBe(true);
    }
    for (const tile of [16, 32, 64, 128]) {
      for (const N of [tile - 1, tile, tile + 1]) expect(defaults.some((c) => c.Nq === N && c.Nk === N)).toBe(true);
    }
    expect(defaults.some((c) => c.causal && c.Nq > c.Nk)).toBe(true);
    expect(defaults.some((c) => c.causal && c.Nq < c.Nk)).toBe(true);
    expect(defaults.some((c) => c.Hk > 1 && c.H > c.Hk)).toBe(true);
    expect(defaults.some((c) => c.Hk === 1 && c.H > 1)).toBe(true);
    expect(defaults.some((c) => c.layout === 'bnhd' && c.H !== c.Hk && c.D !== c.Dv)).toBe(true);
    expect(defaults.some((c) => c.Dv > c.D) && defaults.some((c) => c.Dv < c.D)).toBe(true);
    expect(defaults.some((c) => c.scale === 0) && defaults.some((c) => c.scale < 0)).toBe(true);
    expect(defaults.some((c) => c.times >= 20)).toBe(true);
  });

  const features: Record<string, (c: (typeof cases)[number]) => boolean> = {
    window: (c) => c.window !== null,
    softcap: (c) => c.softcap > 0,
    alibi: (c) => c.alibi !== null,
    bias: (c) => c.bias !== null,
    mask: (c) => c.mask !== null,
    dropout: (c) => c.dropout > 0,
    varlen: (c) => c.lengths !== null,
  };
  const count = (c: (typeof cases)[number]): number => Object.values(features).filter((has) => has(c)).length;

  test.each(Object.entries(features))('covers %s alone and with others, in both dtypes', (_, has) => {
    for (const dtype of ['f32', 'f16']) {
      const own = defaults.filter((c) => has(c) && c.dtype === dtype);
      expect(own.some((c) => count(c) === 1)).toBe(true);
      expect(own.some((c) => count(c) > 5)).toBe(true);
    }
  });

  test('covers every pair of features in the full set', () => {
    const pairs = Object.values(features).flatMap((first) => Object.values(features).map((second) => [first, second]));
    for (const [first, second] of pairs) expect(cases.some((c) => first(c) && second(c) && count(c) <= 2)).toBe(true);
  });

  test('covers empty sequences, both packings, and forbidden rows of bias and mask', () => {
    expect(defaults.some((c) => c.lengths?.q.includes(0) && c.lengths.k.includes(0))).toBe(true);
    for (const packing of ['qkv', 'kv']) expect(defaults.some((c) => c.packing === packing)).toBe(true);
    expect(defaults.some((c) => c.bias?.forbids) && defaults.some((c) => c.mask?.forbids)).toBe(true);
    for (const dtype of ['bool', 'f32', 'f16', 'i8']) expect(defaults.some((c) => c.mask?.dtype === dtype)).toBe(true);
  });

  test('covers every head size with and without the causal mask in the full set', () => {
    for (const D of headSizes) {
      for (const causal of [false, true]) {
        expect(cases.some((c) => c.D === D && c.Dv === D && c.causal === causal)).toBe(true);
      }
    }
  });
});

describe('names', () => {
  test('say every option', () => {
    const name =
      'B3_H4_Hk2_Nq5,0,9_Nk7,2,9_D64_Dv32_varlen_causal_window-1,4_softcap30_alibi.batch_f16_bias1h1k.f32.forbids_' +
      'maskqk.i8_dropout0.1_scale-1e-7_times0.5_subnormal_tiles5x7_seed4294967295';
    expect(parseCase(name)).toEqual({
      ...{ B: 3, H: 4, Hk: 2, Nq: 9, Nk: 9, D: 64, Dv: 32, lengths: { q: [5, 0, 9], k: [7, 2, 9] } },
      ...{ causal: true, window: [-1, 4], softcap: 30, alibi: 'batch', dtype: 'f16', dropout: 0.1 },
      bias: { axes: '1h1k', dtype: 'f32', forbids: true },
      mask: { axes: 'qk', dtype: 'i8', forbids: false },
      ...{ layout: 'bhnd', packing: 'none', scale: -1e-7, times: 0.5, values: 'subnormal', tiles: { br: 5, bc: 7 } },
      seed: 4294967295,
    });
    expect(caseName(parseCase(name))).toBe(name);
    const packed = 'B1_H2_Hk2_Nq3_Nk3_D4_Dv4_qkv_seed0';
    expect(parseCase(packed)).toMatchObject({ packing: 'qkv', layout: 'bhnd' });
    expect(caseName(parseCase(packed))).toBe(packed);
  });

  const sizes = 'B1_H2_Hk1_Nq33_Nk65_D64_Dv64';
  test.each([
    ...[
      '',
      'causal',
      'B1_H2',
      sizes,
      `${sizes}_seed0x`,
      `${sizes}_causal_causal_seed0`,
      `${sizes}_softcap2_causal_seed0`,
    ],
    ...[`${sizes}_sometimes_seed0`, `${sizes}_biaskq_seed0`, `${sizes}_window3_seed0`, `${sizes}_maskk.f64_seed0`],
    ...['B1_H2_Hk1_Nq33,1_Nk65_D64_Dv64_seed0', 'B1_H2_Hk1_Nq33,1_Nk6,5_D64_Dv64_varlen_seed0'],
  ])('that are none are refused: %p', (name) => {
    expect(isCaseName(name)).toBe(false);
    expect(() => parseCase(name)).toThrow('case: expected a name like');
  });

  test('that are some are taken', () => {
    expect(isCaseName(`${sizes}_seed0`)).toBe(true);
    expect(isCaseName('B1_H2_Hk1_Nq33_Nk65_D64_Dv64_varlen_seed0')).toBe(true);
  });
});

describe('what a case stands for', () => {
  test('the problem, with causal and window as one band and operands of four axes', () => {
    const name = 'B2_H4_Hk2_Nq5_Nk7_D3_Dv4_causal_window6,-1_alibi.batch_biasqk_maskb11k.f16_dropout0.5_seed9';
    const problem = caseProblem(parseCase(name));
    expect(problem).toMatchObject({
      band: { left: 6, right: 0 },
      bias: { shape: [1, 1, 5, 7], dtype: 'f32' },
      mask: { shape: [2, 1, 1, 7], dtype: 'f16' },
      dropout: { p: 0.5, seed: 9 },
      sequences: null,
    });
    expect([...problem.alibiSlopes!]).toEqual([1 / 4, 1 / 16, 1 / 64, 1 / 256, 1 / 8, 1 / 32, 1 / 128, 1 / 512]);
    const packed = caseProblem(parseCase('B2_H1_Hk1_Nq5,1_Nk0,7_D3_Dv4_varlen_window-1,2_seed0'));
    expect(packed).toMatchObject({ Nq: 5, Nk: 7, band: { left: Infinity, right: 2 } });
    expect([...packed.sequences!.cuSeqlensQ, ...packed.sequences!.cuSeqlensK]).toEqual([0, 5, 6, 0, 0, 7]);
  });

  test('numbers that its dtypes hold, seeded, with what its words promise', () => {
    const draw = (name: string) => caseInputs(parseCase(name));
    const base = 'B2_H4_Hk2_Nq40_Nk30_D3_Dv4';
    const plain = draw(`${base}_seed1`);
    expect([plain.q, plain.k, plain.v, plain.dout].map((x) => x.length)).toEqual([960, 360, 480, 1280]);
    expect(draw(`${base}_seed1`)).toEqual(plain);
    expect(draw(`${base}_seed2`).q).not.toEqual(plain.q);
    expect(draw(`${base}_times8_seed1`).q).toEqual(plain.q.map((x) => 8 * x));

    const equal = draw(`${base}_equal_seed1`);
    expect(new Set(equal.k).size).toBe(3);
    expect(new Set(equal.v).size).toBeGreaterThan(400);
    const shifted = draw(`${base}_shifted_seed1`);
    expect([shifted.q, shifted.dout]).toEqual([plain.q, plain.dout]);
    expect(shifted.k[3 * 29 + 2]).toBeCloseTo(plain.k[3 * 29 + 2] + 2 * plain.k[2], 5);
    expect(shifted.v[4 * 29 + 1]).toBeCloseTo(plain.v[4 * 29 + 1] + 4 * plain.v[1], 5);
    const tiny = draw(`${base}_f16_subnormal_seed1`);
    expect(Math.max(...tiny.v)).toBeLessThan(2 ** -14);
    expect(tiny.v.some((x) => x !== 0)).toBe(true);

    const { bias, mask } = draw(`${base}_biasbhqk.forbids_mask1hqk.i8.forbids_seed1`);
    const c = parseCase(`${base}_bias1h1k_seed1`);
    expect(operandShape(c, c.bias!)).toEqual([1, 4, 1, 30]);
    const emptyRows = (numbers: Float32Array, forbids: number): number =>
      Array.from({ length: numbers.length / 30 }, (_, row) => numbers.subarray(30 * row, 30 * row + 30)).filter((row) =>
        row.every((x) => x === forbids),
      ).length;
    expect(emptyRows(bias!, -Infinity)).toBeGreaterThan(20);
    expect(emptyRows(bias!, -Infinity)).toBeLessThan(100);
    expect(emptyRows(mask!, 0)).toBeGreaterThan(10);
    const zeros = mask!.filter((x) => x === 0).length / mask!.length;
    expect(zeros).toBeGreaterThan(0.2);
    expect(zeros).toBeLessThan(0.5);
    expect(new Set(mask).size).toBe(5);
  });
});
