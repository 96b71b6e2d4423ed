import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Problem } from '../src/api/problem';
import { compare, gatherRows, keepRows, referenceBackward, referenceForward, sampleRows } from '../src/reference';
import { finiteDifference } from './support/finite-difference';

interface TorchCase {
  name: string;
  problem: Problem;
  emptyRows: number;
  inputs: Record<'q' | 'k' | 'v' | 'dout', number[]>;
  expected: Record<'out' | 'lse' | 'dq' | 'dk' | 'dv', number[]>;
}

const vectors = JSON.parse(readFileSync(join(__dirname, 'data', 'torch-vectors.json'), 'utf8')) as {
  torch: string;
  cases: TorchCase[];
};

/** Seeded numbers in [-1, 1). */
function values(count: number, seed: number): Float64Array {
  let state = seed;
  return Float64Array.from({ length: count }, () => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state / 2 ** 32) * 2 - 1;
  });
}

function makeInputs(p: Problem) {
  return {
    q: values(p.B * p.H * p.Nq * p.D, 1),
    k: values(p.B * p.Hk * p.Nk * p.D, 2),
    v: values(p.B * p.Hk * p.Nk * p.Dv, 3),
    dout: values(p.B * p.H * p.Nq * p.Dv, 4),
  };
}

const small: Problem = {
  B: 2,
  H: 4,
  Hk: 2,
  Nq: 5,
  Nk: 4,
  D: 3,
  Dv: 2,
  scale: 0.6,
  causal: false,
  layout: 'bhnd',
};

/** Splits rows of `width` numbers into the empty first rows of every head and the rest. */
function splitEmptyRows({ problem: { Nq }, emptyRows }: TorchCase, array: Float64Array, width: number) {
  const rows = Array.from({ length: array.length / width }, (_, row) => row);
  return {
    empty: gatherRows(
      array,
      rows.filter((row) => row % Nq < emptyRows),
      width,
    ),
    rest: gatherRows(
      array,
      rows.filter((row) => row % Nq >= emptyRows),
      width,
    ),
  };
}

describe(`reference against PyTorch ${vectors.torch} in float64`, () => {
  test.each(vectors.cases.map((torch) => [torch.name, torch] as const))('%s', (_, torch) => {
    const { problem, expected } = torch;
    const { q, k, v, dout } = torch.inputs;
    const [Q, K, V, dO] = [q, k, v, dout].map((x) => Float64Array.from(x)) as [
      Float64Array,
      Float64Array,
      Float64Array,
      Float64Array,
    ];
    const { out, lse } = referenceForward(problem, Q, K, V);
    const { dq, dk, dv } = referenceBackward(problem, Q, K, V, dO);

    const agrees = (name: keyof typeof expected, actual: Float64Array): void => {
      const size = Math.max(...expected[name].map(Math.abs));
      expect({ name, ...compare(actual, expected[name], 1e-12 * (1 + size)) }).toMatchObject({ ok: true });
    };
    const outRows = splitEmptyRows(torch, out, problem.Dv);
    const lseRows = splitEmptyRows(torch, lse, 1);
    const dqRows = splitEmptyRows(torch, dq, problem.D);
    agrees('out', outRows.rest);
    agrees('lse', lseRows.rest);
    agrees('dq', dqRows.rest);
    agrees('dk', dk);
    agrees('dv', dv);
    expect(outRows.empty.every((x) => x === 0)).toBe(true);
    expect(dqRows.empty.every((x) => x === 0)).toBe(true);
    expect(lseRows.empty.every((x) => x === -Infinity)).toBe(true);
  });

  test('the vectors hold what their names promise', () => {
    expect(vectors.torch).toBe('2.13.0');
    expect(vectors.cases.some((c) => c.problem.H !== c.problem.Hk)).toBe(true);
    expect(vectors.cases.some((c) => c.emptyRows > 0)).toBe(true);
    expect(vectors.cases.some((c) => c.problem.D !== c.problem.Dv)).toBe(true);
  });
});

describe('reference gradients against finite differences', () => {
  const problems: [string, Problem][] = [
    ['grouped heads, Dv != D', small],
    ['causal with an empty row', { ...small, causal: true }],
    ['causal, fewer queries than keys', { ...small, Nq: 3, Nk: 6, causal: true }],
    ['negative scale', { ...small, scale: -1.7 }],
    ['scale 0', { ...small, scale: 0 }],
    ['one of everything', { ...small, B: 1, H: 1, Hk: 1, Nq: 1, Nk: 1, D: 1, Dv: 1 }],
  ];
  test.each(problems)('%s', (_, problem) => {
    const { q, k, v, dout } = makeInputs(problem);
    const loss = (): number => referenceForward(problem, q, k, v).out.reduce((sum, x, t) => sum + x * dout[t], 0);
    const { dq, dk, dv } = referenceBackward(problem, q, k, v, dout);
    expect(compare(dq, finiteDifference(loss, q), 1e-9)).toMatchObject({ ok: true });
    expect(compare(dk, finiteDifference(loss, k), 1e-9)).toMatchObject({ ok: true });
    expect(compare(dv, finiteDifference(loss, v), 1e-9)).toMatchObject({ ok: true });
  });

  test('lse is the log of the sum of exp(s), and its gradient in q is scale * p k', () => {
    const { q, k, v } = makeInputs(small);
    const sumOfLse = (): number => referenceForward(small, q, k, v).lse.reduce((sum, x) => sum + x, 0);
    // With v = k the output is p k, the gradient of lse in scale * q.
    const { out } = referenceForward({ ...small, Dv: small.D }, q, k, k);
    const expected = out.map((x) => x * small.scale);
    expect(compare(finiteDifference(sumOfLse, q), expected, 1e-9)).toMatchObject({ ok: true });
  });
});

describe('reference, the corners', () => {
  test('scores of +-3000 give finite results', () => {
    const problem = { ...small, scale: 3000 };
    const { q, k, v, dout } = makeInputs(problem);
    const { out, lse, maxAbsScore } = referenceForward(problem, q, k, v);
    expect(maxAbsScore).toBeGreaterThan(1000);
    const { dq, dk, dv } = referenceBackward(problem, q, k, v, dout);
    for (const array of [out, lse, dq, dk, dv]) expect(array.every(Number.isFinite)).toBe(true);
  });

  test('a forbidden key is not read, whatever it holds', () => {
    const problem = { ...small, Nq: 2, Nk: 2, causal: true };
    const clean = makeInputs(problem);
    const { B, Hk, Nk, D, Dv } = problem;
    const [k, v] = [clean.k.slice(), clean.v.slice()];
    for (let head = 0; head < B * Hk; head++) {
      k.fill(NaN, (head * Nk + 1) * D, (head + 1) * Nk * D);
      v.fill(NaN, (head * Nk + 1) * Dv, (head + 1) * Nk * Dv);
    }
    const firstRows = Array.from({ length: B * problem.H }, (_, head) => head * problem.Nq);
    const run = (K: Float64Array, V: Float64Array) => ({
      ...referenceForward(problem, clean.q, K, V, firstRows),
      dq: referenceBackward(problem, clean.q, K, V, clean.dout, firstRows).dq,
    });
    const [spoiled, expected] = [run(k, v), run(clean.k, clean.v)];
    for (const name of ['out', 'lse', 'dq'] as const) {
      expect(compare(spoiled[name], expected[name], 0)).toMatchObject({ ok: true, error: 0 });
    }
  });

  test('maxAbsScore looks at visible scores only', () => {
    const problem: Problem = {
      ...small,
      B: 1,
      H: 1,
      Hk: 1,
      Nq: 1,
      Nk: 2,
      D: 1,
      Dv: 1,
      scale: -2,
      causal: true,
    };
    const one = Float64Array.of(1);
    expect(referenceForward(problem, one, Float64Array.of(3, 4), Float64Array.of(0, 0)).maxAbsScore).toBe(8);
    const square = { ...problem, Nq: 2 };
    const q = Float64Array.of(1, 0);
    expect(referenceForward(square, q, Float64Array.of(3, 4), Float64Array.of(0, 0)).maxAbsScore).toBe(6);
  });
});

describe('a sample of rows', () => {
  const problem: Problem = { ...small, Nq: 23, Nk: 17 };

  test('is spread, ascending, seeded, and has both ends', () => {
    const rows = sampleRows(problem, 20, 7);
    expect(rows).toHaveLength(20);
    expect(rows[0]).toBe(0);
    expect(rows.at(-1)).toBe(2 * 4 * 23 - 1);
    expect(rows.every((row, t) => t === 0 || row > rows[t - 1])).toBe(true);
    expect(sampleRows(problem, 20, 7)).toEqual(rows);
    expect(sampleRows(problem, 20, 8)).not.toEqual(rows);
    expect(sampleRows(small, 1000)).toEqual(Array.from({ length: 40 }, (_, row) => row));
  });

  test('gives the same numbers as the whole, and all of dk and dv where dout is 0 elsewhere', () => {
    const { q, k, v, dout } = makeInputs(problem);
    const rows = sampleRows(problem, 11);
    const whole = referenceForward(problem, q, k, v);
    const part = referenceForward(problem, q, k, v, rows);
    expect(part.out).toEqual(gatherRows(whole.out, rows, problem.Dv));
    expect(part.lse).toEqual(gatherRows(whole.lse, rows, 1));

    const sparse = keepRows(problem, Float32Array.from(dout), rows);
    const wholeGradients = referenceBackward(problem, q, k, v, sparse);
    const partGradients = referenceBackward(problem, q, k, v, sparse, rows);
    expect(partGradients.dq).toEqual(gatherRows(wholeGradients.dq, rows, problem.D));
    expect(partGradients.dk).toEqual(wholeGradients.dk);
    expect(partGradients.dv).toEqual(wholeGradients.dv);
  });
});
