import type { Problem } from '../src/api/problem';
import {
  allowedError,
  compare,
  referenceBackward,
  referenceForward,
  yardstickBackward,
  yardstickForward,
} from '../src/reference';

const { fround, exp, log } = Math;

/** One query and two keys of size 2, values of size 1: small enough to write every operation down. */
const tiny: Problem = {
  B: 1,
  H: 1,
  Hk: 1,
  Nq: 1,
  Nk: 2,
  D: 2,
  Dv: 1,
  scale: 0.3,
  causal: false,
  layout: 'bhnd',
};
const q = Float32Array.of(0.1, 0.7);
const k = Float32Array.of(1.3, -0.4, 0.9, 2.1);
const v = Float32Array.of(0.11, -1.7);
const dout = Float32Array.of(0.77);

/** The yardstick on the tiny case, one rounded operation a step. */
function byHand() {
  const scale = fround(0.3);
  const dot = (j: number): number => fround(fround(q[0] * k[2 * j]) + fround(q[1] * k[2 * j + 1]));
  const s0 = fround(scale * dot(0));
  const s1 = fround(scale * dot(1));
  const m = Math.max(s0, s1);
  const e0 = fround(exp(fround(s0 - m)));
  const e1 = fround(exp(fround(s1 - m)));
  const sum = fround(e0 + e1);
  const p0 = fround(e0 / sum);
  const p1 = fround(e1 / sum);
  const out = fround(fround(p0 * v[0]) + fround(p1 * v[1]));
  const lse = fround(m + fround(log(sum)));
  const delta = fround(dout[0] * out);
  const ds0 = fround(scale * fround(p0 * fround(fround(dout[0] * v[0]) - delta)));
  const ds1 = fround(scale * fround(p1 * fround(fround(dout[0] * v[1]) - delta)));
  const dq = [0, 1].map((d) => fround(fround(ds0 * k[d]) + fround(ds1 * k[2 + d])));
  const dk = [ds0, ds0, ds1, ds1].map((ds, t) => fround(ds * q[t % 2]));
  const dv = [fround(p0 * dout[0]), fround(p1 * dout[0])];
  return { out: [out], lse: [lse], dq, dk, dv };
}

describe('yardstick', () => {
  test('rounds every operation: bit for bit the hand-written float32 steps', () => {
    const expected = byHand();
    const forward = yardstickForward(tiny, q, k, v);
    const backward = yardstickBackward(tiny, q, k, v, dout);
    expect([...forward.out]).toEqual(expected.out);
    expect([...forward.lse]).toEqual(expected.lse);
    expect([...backward.dq]).toEqual(expected.dq);
    expect([...backward.dk]).toEqual(expected.dk);
    expect([...backward.dv]).toEqual(expected.dv);
  });

  test('differs from the float64 reference on the same input', () => {
    expect(yardstickForward(tiny, q, k, v).out[0]).not.toBe(referenceForward(tiny, q, k, v).out[0]);
  });

  test('sums as float32 does: 2^24 + 1 + 1 + ... stays 2^24, in every lane of the dot products and in p v', () => {
    const count = 9;
    const wide: Problem = { ...tiny, Nk: 5, D: count, scale: 1 };
    const ones = new Float32Array(count).fill(1);
    const keys = new Float32Array(5 * count).map((_, t) => (t % count === 0 ? 2 ** 24 : 1));
    const values = new Float32Array(5);
    expect(yardstickForward(wide, ones, keys, values).maxAbsScore).toBe(2 ** 24);
    expect(referenceForward(wide, ones, keys, values).maxAbsScore).toBe(2 ** 24 + count - 1);

    const flat: Problem = { ...tiny, Nk: 8, D: 1, scale: 0 };
    const big = new Float32Array(8).map((_, t) => (t === 0 ? 2 ** 27 : 8));
    const zero = new Float32Array(8);
    expect(yardstickForward(flat, zero.subarray(0, 1), zero, big).out[0]).toBe(2 ** 24);
    expect(referenceForward(flat, zero.subarray(0, 1), zero, big).out[0]).toBe(2 ** 24 + 7);
  });

  test('all results are float32 numbers, float64 input included', () => {
    const problem: Problem = {
      ...tiny,
      B: 2,
      H: 4,
      Hk: 2,
      Nq: 6,
      Nk: 5,
      D: 7,
      Dv: 3,
      causal: true,
    };
    const numbers = (n: number, seed: number): Float64Array =>
      Float64Array.from({ length: n }, (_, t) => Math.sin(seed + 1.7 * t));
    const [Q, K, V, dO] = [
      numbers(2 * 4 * 6 * 7, 1),
      numbers(2 * 2 * 5 * 7, 2),
      numbers(2 * 2 * 5 * 3, 3),
      numbers(2 * 4 * 6 * 3, 4),
    ];
    const { out, lse } = yardstickForward(problem, Q, K, V);
    const { dq, dk, dv } = yardstickBackward(problem, Q, K, V, dO);
    const reference = { ...referenceForward(problem, Q, K, V), ...referenceBackward(problem, Q, K, V, dO) };
    for (const [name, array] of Object.entries({ out, lse, dq, dk, dv })) {
      expect(array.every((x) => x === fround(x))).toBe(true);
      expect(compare(array, reference[name as 'out'], 1e-5)).toMatchObject({ ok: true });
    }
  });
});

describe('allowed error', () => {
  const base = { kind: 'forward', maxAbsScore: 0, dtype: 'f32' } as const;

  test('is the contract formula, by hand', () => {
    // max|ref| = 3; yardstick off by 0.5.
    expect(allowedError({ ...base, reference: [1, -3], yardstick: [1.5, -3] })).toBe(1);
    expect(allowedError({ ...base, kind: 'gradient', reference: [1, -3], yardstick: [1.5, -3] })).toBe(1.5);
    // An exact yardstick leaves the floor.
    expect(allowedError({ ...base, reference: [1, -3], yardstick: [1, -3] })).toBeCloseTo(2e-6 * 4, 20);
    expect(allowedError({ ...base, dtype: 'f16', reference: [1, -3], yardstick: [1, -3] })).toBeCloseTo(2e-3 * 4, 17);
    const huge = allowedError({ ...base, maxAbsScore: 2 ** 22, reference: [1, -3], yardstick: [1, -3] });
    expect(huge).toBeCloseTo((2e-6 + 1) * 4, 12);
  });

  test('a yardstick that is not finite is dropped, and does not become a licence', () => {
    for (const bad of [NaN, Infinity, -Infinity]) {
      expect(allowedError({ ...base, reference: [1, 2], yardstick: [bad, 3] })).toBeCloseTo(2e-6 * 3, 20);
    }
  });

  test('the -Infinity of an empty row is neither an error of the yardstick nor a magnitude', () => {
    const lse = [-Infinity, 1];
    expect(allowedError({ ...base, reference: lse, yardstick: lse })).toBeCloseTo(2e-6 * 2, 20);
  });
});

describe('compare', () => {
  test('passes within and fails beyond the allowed error, and tells where', () => {
    expect(compare([1, 2.25, 3], [1, 2, 3], 0.25)).toEqual({ error: 0.25, allowed: 0.25, ok: true, worst: 1 });
    expect(compare([1, 2.25, 3.5], [1, 2, 3], 0.25)).toEqual({ error: 0.5, allowed: 0.25, ok: false, worst: 2 });
    expect(compare([1, 2], [1, 2], 0)).toEqual({ error: 0, allowed: 0, ok: true, worst: 0 });
  });

  test('NaN fails, wherever it stands and whatever is allowed', () => {
    expect(compare([NaN, 2, 3], [1, 2, 3], 1e9)).toMatchObject({ ok: false, error: Infinity, worst: 0 });
    expect(compare([1, 9, NaN], [1, 2, 3], 1e9)).toMatchObject({ ok: false, error: Infinity, worst: 2 });
    expect(compare([NaN], [NaN], Infinity)).toMatchObject({ ok: false });
    expect(compare([NaN], [-Infinity], Infinity)).toMatchObject({ ok: false });
    expect(compare([1], [1], NaN)).toMatchObject({ ok: false });
  });

  test('Infinity fails, except the -Infinity of an empty row', () => {
    expect(compare([Infinity], [1], 1e9)).toMatchObject({ ok: false, error: Infinity });
    expect(compare([Infinity], [1], Infinity)).toMatchObject({ ok: false });
    expect(compare([Infinity], [-Infinity], 1)).toMatchObject({ ok: false });
    expect(compare([-88], [-Infinity], 1)).toMatchObject({ ok: false });
    expect(compare([-Infinity, 1], [-Infinity, 1], 0)).toMatchObject({ ok: true, error: 0 });
  });

  test('refuses arrays of different lengths', () => {
    expect(() => compare([1], [1, 2], 1)).toThrow('actual: expected 2 numbers');
    expect(() =>
      allowedError({ kind: 'forward', maxAbsScore: 0, dtype: 'f32', reference: [1], yardstick: [] }),
    ).toThrow('yardstick: expected 1 numbers');
  });
});
