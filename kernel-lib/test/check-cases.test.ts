import { caseName, isCaseName, parseCase } from '../src/check/case-name';
import { checkCases, headSizes } from '../src/check/cases';

describe('the table of cases', () => {
  const cases = checkCases(true);

  test('every case is rebuilt from its name', () => {
    for (const original of cases) expect(parseCase(caseName(original))).toEqual(original);
  });

  test('has no case twice, and the default set is the first part of the full one', () => {
    const names = cases.map(caseName);
    expect(new Set(names).size).toBe(names.length);
    const defaults = checkCases().map(caseName);
    expect(names.slice(0, defaults.length)).toEqual(defaults);
  });

  test('holds valid problems', () => {
    for (const { B, H, Hk, Nq, Nk, D, Dv } of cases) {
      expect(H % Hk).toBe(0);
      for (const size of [B, H, Hk, Nq, Nk, D, Dv]) expect(Number.isInteger(size) && size > 0).toBe(true);
      expect(Math.max(D, Dv)).toBeLessThanOrEqual(256);
    }
  });

  test('covers, by default already, what breaks kernels', () => {
    const defaults = checkCases();
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

  test('covers every head size with and without the causal mask in the full set', () => {
    for (const D of headSizes) {
      for (const causal of [false, true]) {
        expect(cases.some((c) => c.D === D && c.Dv === D && c.causal === causal)).toBe(true);
      }
    }
  });

  test('names that are none are refused', () => {
    for (const name of ['', 'causal', 'B1_H2', 'B1_H2_Hk1_Nq33_Nk65_D64_Dv64', 'B1_H2_Hk1_Nq33_Nk65_D64_Dv64_seed0x']) {
      expect(isCaseName(name)).toBe(false);
      expect(() => parseCase(name)).toThrow('case: expected a name like');
    }
    expect(isCaseName('B1_H2_Hk1_Nq33_Nk65_D64_Dv64_seed0')).toBe(true);
  });
});
