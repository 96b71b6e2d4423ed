import { CAUSAL, NO_FEATURES, type Problem } from '../src/api/problem';
import {
  allowedError,
  compare,
  referenceBackward,
  referenceForward,
  yardstickBackward,
  yardstickForward,
} from '../src/reference';
import { roundToFloat16 } from '../src/reference/float16';

const { fround, exp, log } = Math;

/** One query and two keys of size 2, values of size 1: small enough to write every operation down. */
const tiny: Problem = {
  ...NO_FEATURES,
  ...{ B: 1, H: 1, Hk: 1, Nq: 1, Nk: 2, D: 2, Dv: 1 },
  ...{ scale: 0.3, layout: 'bhnd', packing: 'none', dtype: 'f32' },
};
const q = Float32Array.of(0.1, 0.7);
const k = Float32Array.of(1.3, -0.4, 0.9, 2.1);
const v = Float32Array.of(0.11, -1.7);
const inputs = { q, k, v };
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
    const forward = yardstickForward(tiny, inputs);
    const backward = yardstickBackward(tiny, inputs, dout);
    expect([...forward.out]).toEqual(expected.out);
    expect([...forward.lse]).toEqual(expected.lse);
    expect([...backward.dq]).toEqual(expected.dq);
    expect([...backward.dk]).toEqual(expected.dk);
    expect([...backward.dv]).toEqual(expected.dv);
  });

  test('differs from the float64 reference on the same input', () => {
    expect(yardstickForward(tiny, inputs).out[0]).not.toBe(referenceForward(tiny, inputs).out[0]);
  });

  test('sums as float32 does: 2^24 + 1 + 1 + ... stays 2^24, in every lane of the dot products and in p v', () => {
    const count = 9;
    const wide: Problem = { ...tiny, Nk: 5, D: count, scale: 1 };
    const ones = new Float32Array(count).fill(1);
    const keys = new Float32Array(5 * count).map((_, t) => (t % count === 0 ? 2 ** 24 : 1));
    const values = new Float32Array(5);
    expect(yardstickForward(wide, { q: ones, k: keys, v: values }).maxAbsScore).toBe(2 ** 24);
    expect(referenceForward(wide, { q: ones, k: keys, v: values }).maxAbsScore).toBe(2 ** 24 + count - 1);

    const flat: Problem = { ...tiny, Nk: 8, D: 1, scale: 0 };
    const big = new Float32Array(8).map((_, t) => (t === 0 ? 2 ** 27 : 8));
    const zero = new Float32Array(8);
    expect(yardstickForward(flat, { q: zero.subarray(0, 1), k: zero, v: big }).out[0]).toBe(2 ** 24);
    expect(referenceForward(flat, { q: zero.subarray(0, 1), k: zero, v: big }).out[0]).toBe(2 ** 24 + 7);
  });

  const several: Problem = {
    ...{ ...tiny, B: 2, H: 4, Hk: 2, Nq: 6, Nk: 5, D: 7, Dv: 3 },
    ...{ band: CAUSAL, softcap: 1.3, alibiSlopes: new Float32Array(8).fill(0.3), dropout: { p: 0.3, seed: 4 } },
    bias: { shape: [1, 4, 6, 5], dtype: 'f32' },
  };
  const numbers = (n: number, seed: number): Float64Array =>
    Float64Array.from({ length: n }, (_, t) => Math.sin(seed + 1.7 * t));
  const givenOf = (round: (x: number) => number) => ({
    inputs: {
      ...{ q: numbers(2 * 4 * 6 * 7, 1).map(round), k: numbers(2 * 2 * 5 * 7, 2).map(round) },
      ...{ v: numbers(2 * 2 * 5 * 3, 3).map(round), bias: numbers(4 * 6 * 5, 5).map(round) },
    },
    dout: numbers(2 * 4 * 6 * 3, 4).map(round),
  });

  test('all results are float32 numbers, float64 input and every feature included', () => {
    const given = givenOf((x) => x);
    const { maxAbsScore, ...yardstick } = {
      ...yardstickForward(several, given.inputs),
      ...yardstickBackward(several, given.inputs, given.dout),
    };
    const reference = {
      ...referenceForward(several, given.inputs),
      ...referenceBackward(several, given.inputs, given.dout),
    };
    expect(maxAbsScore).toBeCloseTo(reference.maxAbsScore, 5);
    for (const [name, array] of Object.entries(yardstick)) {
      expect(array.every((x) => x === fround(x))).toBe(true);
      expect(array).not.toEqual(reference[name as 'out']);
      expect(compare(array, reference[name as 'out'], 1e-5)).toMatchObject({ ok: true });
    }
  });

  test('of a float16 problem: what is stored is rounded to float16, lse is not', () => {
    const problem: Problem = { ...several, dtype: 'f16', bias: { shape: [1, 4, 6, 5], dtype: 'f16' } };
    const given = givenOf(roundToFloat16);
    const forward = yardstickForward(problem, given.inputs);
    const backward = yardstickBackward(problem, given.inputs, given.dout);
    const reference = {
      ...referenceForward(problem, given.inputs),
      ...referenceBackward(problem, given.inputs, given.dout),
    };
    const { lse } = forward;
    expect(lse.every((x) => x === fround(x)) && lse.some((x) => x !== roundToFloat16(x))).toBe(true);
    expect(compare(lse, reference.lse, 1e-2)).toMatchObject({ ok: true });
    const single = yardstickForward({ ...problem, dtype: 'f32' }, given.inputs);
    expect(compare(lse, single.lse, 1e-5)).toMatchObject({ ok: false });
    const { dq, dk, dv, dbias } = backward;
    for (const [name, array] of Object.entries({ out: forward.out, dq, dk, dv, dbias })) {
      expect(array.every((x) => x === roundToFloat16(x))).toBe(true);
      expect(compare(array, reference[name as 'out'], 3e-2)).toMatchObject({ ok: true });
    }
    const wide = yardstickBackward(
      { ...problem, bias: { shape: [1, 4, 6, 5], dtype: 'f32' } },
      given.inputs,
      given.dout,
    );
    expect(wide.dbias.some((x) => x !== roundToFloat16(x))).toBe(true);
  });

  test('of a float16 problem, by hand: s, p, dp and ds too', () => {
    const half = roundToFloat16;
    const [x, y, z, w] = [half(0.7), half(1.3), half(0.11), half(-1.7)];
    const g = half(0.77);
    const problem: Problem = { ...tiny, D: 1, dtype: 'f16', scale: 1, bias: { shape: [1, 1, 1, 2], dtype: 'f32' } };
    const given = {
      q: Float32Array.of(1),
      k: Float32Array.of(x, y),
      v: Float32Array.of(z, w),
      bias: new Float32Array(2),
    };
    const [s0, s1] = [half(x), half(y)];
    const [e0, e1] = [fround(exp(fround(s0 - s1))), 1];
    const [p0, p1] = [e0, e1].map((e) => half(fround(e / fround(e0 + e1))));
    const out = half(fround(fround(p0 * z) + fround(p1 * w)));
    const delta = fround(g * out);
    const [ds0, ds1] = [
      [p0, z],
      [p1, w],
    ].map(([p, value]) => half(fround(p * fround(half(fround(g * value)) - delta))));
    expect([...yardstickForward(problem, given).out]).toEqual([out]);
    const { dbias, dq, dv } = yardstickBackward(problem, given, Float32Array.of(g));
    expect([...dbias]).toEqual([ds0, ds1]);
    expect([...dq]).toEqual([half(fround(fround(ds0 * x) + fround(ds1 * y)))]);
    expect([...dv]).toEqual([half(fround(p0 * g)), half(fround(p1 * g))]);
  });
});

describe('rounding to float16', () => {
  /** The number of a float16's bits, by its definition. */
  const decode = (bits: number): number => {
    const exponent = (bits >> 10) & 31;
    const fraction = bits & 1023;
    const size = exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25);
    return bits & 0x8000 ? -size : size;
  };
  const all = Array.from({ length: 0x7c00 }, (_, bits) => decode(bits));

  test('keeps every float16 number, and takes halfway to the even neighbour', () => {
    const wrong: number[] = [];
    const rounds = (from: number, to: number): void => {
      // Equality by number: 0 and -0 are the same here.
      if (roundToFloat16(from) !== to || roundToFloat16(-from) !== -to) wrong.push(from);
    };
    for (const [bits, x] of all.entries()) {
      rounds(x, x);
      if (bits + 1 === all.length) continue;
      const next = all[bits + 1];
      const middle = (x + next) / 2;
      rounds(middle, bits % 2 === 0 ? x : next);
      rounds((x + middle) / 2, x);
      // Numbers that float32 would round to the middle first.
      rounds(middle * (1 + 2 ** -40), next);
      rounds(middle * (1 - 2 ** -40), x);
    }
    expect(wrong).toEqual([]);
  });

  test('overflows from 65520 on, and leaves NaN and infinities', () => {
    expect(roundToFloat16(65519.99)).toBe(65504);
    expect([65520, 1e10, 1e300, Infinity].map(roundToFloat16)).toEqual([Infinity, Infinity, Infinity, Infinity]);
    expect([-65520, -Infinity].map(roundToFloat16)).toEqual([-Infinity, -Infinity]);
    expect(roundToFloat16(NaN)).toBeNaN();
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
