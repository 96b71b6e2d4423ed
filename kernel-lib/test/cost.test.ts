import { CAUSAL, NO_FEATURES, type Band, type Problem } from '../src/api/problem';
import { backwardFlops, forwardFlops, visiblePairs } from '../src/cost/flops';
import { peakBytes } from '../src/cost/peak-memory';

type Counted = Parameters<typeof forwardFlops>[0];

/** Lengths of each batch entry. */
function lengths({ B, Nq, Nk, sequences }: Counted): { Nq: number; Nk: number }[] {
  const size = (offsets: Int32Array, b: number): number => offsets[b + 1] - offsets[b];
  return Array.from({ length: B }, (_, b) =>
    sequences ? { Nq: size(sequences.cuSeqlensQ, b), Nk: size(sequences.cuSeqlensK, b) } : { Nq, Nk },
  );
}

/** Multiplications and additions of textbook loops, counted one by one. */
function count(problem: Counted): { pairs: number; forward: number; backward: number } {
  const { H, D, Dv, band } = problem;
  const total = { pairs: 0, forward: 0, backward: 0 };
  for (const { Nq, Nk } of lengths(problem).flatMap((one) => Array(H).fill(one) as (typeof one)[])) {
    for (let i = 0; i < Nq; i++) {
      for (let j = 0; j < Nk; j++) {
        const diagonal = i + Nk - Nq;
        if (j < diagonal - band.left || j > diagonal + band.right) continue;
        total.pairs++;
        for (let d = 0; d < D; d++) {
          total.forward += 2; // s += q * k
          total.backward += 2; // s again
          total.backward += 2; // dq += ds * k
          total.backward += 2; // dk += ds * q
        }
        for (let d = 0; d < Dv; d++) {
          total.forward += 2; // out += p * v
          total.backward += 2; // dp += dout * v
          total.backward += 2; // dv += p * dout
        }
      }
    }
  }
  return total;
}

const bands: Band[] = [
  NO_FEATURES.band,
  CAUSAL,
  { left: 1, right: 0 },
  { left: 0, right: 2 },
  { left: Infinity, right: 1 },
];
const sequences = { cuSeqlensQ: Int32Array.of(0, 4, 4, 9), cuSeqlensK: Int32Array.of(0, 2, 5, 5) };

describe.each([
  { B: 1, H: 1, Nq: 1, Nk: 1, D: 1, Dv: 1, sequences: null },
  { B: 2, H: 3, Nq: 5, Nk: 5, D: 4, Dv: 4, sequences: null },
  { B: 1, H: 2, Nq: 7, Nk: 3, D: 3, Dv: 5, sequences: null },
  { B: 1, H: 2, Nq: 3, Nk: 7, D: 8, Dv: 2, sequences: null },
  { B: 1, H: 1, Nq: 6, Nk: 1, D: 2, Dv: 3, sequences: null },
  { B: 3, H: 2, Nq: 5, Nk: 3, D: 2, Dv: 3, sequences },
])('%j', (sizes) => {
  test.each(bands)('band %j: formulas agree with counted loops', (band) => {
    const problem = { ...sizes, band };
    const counted = count(problem);
    expect(visiblePairs(problem)).toBe(counted.pairs);
    expect(forwardFlops(problem)).toBe(counted.forward);
    expect(backwardFlops(problem)).toBe(counted.backward);
  });
});

test('the known totals: 4*B*H*N^2*D forward, 2.5 times that backward, about half when causal', () => {
  const problem = { ...NO_FEATURES, B: 1, H: 4, Nq: 1024, Nk: 1024, D: 64, Dv: 64 };
  expect(forwardFlops(problem)).toBe(4 * 4 * 1024 * 1024 * 64);
  expect(backwardFlops(problem)).toBe(2.5 * forwardFlops(problem));
  expect(forwardFlops({ ...problem, band: CAUSAL }) / forwardFlops(problem)).toBeCloseTo(0.5, 2);
});

describe('peakBytes adds up the tensors of a pass', () => {
  const sizes: Problem = {
    ...NO_FEATURES,
    ...{ B: 2, H: 6, Hk: 2, Nq: 5, Nk: 7, D: 3, Dv: 4 },
    ...{ scale: 1, layout: 'bhnd', packing: 'none', dtype: 'f32' },
  };
  const [q, k, v, out, lse] = [2 * 6 * 5 * 3, 2 * 2 * 7 * 3, 2 * 2 * 7 * 4, 2 * 6 * 5 * 4, 2 * 6 * 5];
  const [dq, dk, dv, dout] = [q, k, v, out];
  const matrix = 2 * 6 * 5 * 7;
  const sum = (...lengths: number[]): number => lengths.reduce((a, b) => a + b, 0);
  const rich: Problem = {
    ...{ ...sizes, dtype: 'f16', softcap: 3 },
    bias: { shape: [1, 6, 1, 7], dtype: 'f16' },
    mask: { shape: [2, 1, 5, 7], dtype: 'bool' },
  };
  const [bias, mask] = [6 * 7, 2 * 5 * 7];
  const all = [q, k, v, out, dout, dq, dk, dv];

  test.each<[string, number, number]>([
    ['flash forward', peakBytes(sizes, 'flash2', 'forward'), 4 * sum(q, k, v, out, lse)],
    ['flash backward', peakBytes(sizes, 'flash2', 'backward'), 4 * sum(...all, lse, 2 * lse)],
    ['naive forward', peakBytes(sizes, 'naive', 'forward'), 4 * sum(q, k, v, out, lse, matrix)],
    ['naive backward', peakBytes(sizes, 'naive', 'backward'), 4 * sum(...all, lse, 2 * matrix)],
    ['flash1 forward', peakBytes(sizes, 'flash1', 'forward'), 4 * sum(q, k, v, out, lse, 2 * lse)],
    ['flash1 backward', peakBytes(sizes, 'flash1', 'backward'), 4 * sum(...all, lse)],
    [
      'f16 flash1 forward',
      peakBytes(rich, 'flash1', 'forward'),
      2 * sum(q, k, v, out, bias) + mask + 4 * (3 * lse + out),
    ],
    [
      'f16 flash1 backward',
      peakBytes(rich, 'flash1', 'backward'),
      2 * sum(...all, 2 * bias) + mask + 4 * (3 * lse + bias + dq),
    ],
    ['f16 forward', peakBytes(rich, 'flash2', 'forward'), 2 * sum(q, k, v, out, bias) + mask + 4 * lse],
    ['f16 backward', peakBytes(rich, 'flash2', 'backward'), 2 * sum(...all, 2 * bias) + mask + 4 * (3 * lse + bias)],
    [
      'f16 naive backward',
      peakBytes(rich, 'naive', 'backward'),
      2 * sum(...all, 2 * bias) + mask + 4 * (lse + bias + 3 * matrix),
    ],
  ])('%s', (_, bytes, expected) => expect(bytes).toBe(expected));

  test('twice the length is twice the memory of flash and nearly four times that of naive', () => {
    const at = (N: number, algorithm: 'flash2' | 'naive'): number =>
      peakBytes({ ...sizes, B: 1, H: 8, Hk: 8, Nq: N, Nk: N, D: 64, Dv: 64 }, algorithm, 'backward');
    expect(at(8192, 'flash2') / at(4096, 'flash2')).toBe(2);
    expect(at(8192, 'naive') / at(4096, 'naive')).toBeGreaterThan(3.8);
  });
});
