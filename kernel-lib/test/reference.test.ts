import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CAUSAL, NO_FEATURES, type Problem, type ScoreOperand } from '../src/api/problem';
import {
  compare,
  gatherRows,
  keepRows,
  referenceBackward,
  referenceForward,
  sampleRows,
  storedRows,
  type ReferenceInputs,
} from '../src/reference';
import { finiteDifference } from './support/finite-difference';

type Sizes = Pick<Problem, 'B' | 'H' | 'Hk' | 'Nq' | 'Nk' | 'D' | 'Dv' | 'scale' | 'softcap'>;
type Shape = ScoreOperand['shape'];
/** JSON has no infinities; null stands for the one that fits. */
type Numbers = readonly (number | null)[];

interface TorchCase {
  name: string;
  problem: Sizes & {
    band: [number | null, number | null];
    alibiSlopes?: number[];
    bias?: Shape;
    mask?: Shape;
    dropout?: Problem['dropout'];
    lengths?: [number[], number[]];
  };
  inputs: Record<'q' | 'k' | 'v' | 'dout', Numbers> & { bias?: Numbers; mask?: Numbers };
  expected: Record<'out' | 'lse' | 'dq' | 'dk' | 'dv', Numbers> & { dbias?: Numbers };
}

const vectors = JSON.parse(readFileSync(join(__dirname, 'data', 'torch-vectors.json'), 'utf8')) as {
  torch: string;
  cases: TorchCase[];
};

const offsets = (lengths: number[]): Int32Array => {
  let total = 0;
  return Int32Array.from([0, ...lengths.map((n) => (total += n))]);
};

function problemOf({ problem }: TorchCase): Problem {
  const { band, alibiSlopes, bias, mask, lengths, ...rest } = problem;
  const operand = (shape: Shape | undefined): ScoreOperand | null => (shape ? { shape, dtype: 'f32' } : null);
  return {
    ...NO_FEATURES,
    ...rest,
    ...{ layout: 'bhnd', packing: 'none', dtype: 'f32', bias: operand(bias), mask: operand(mask) },
    band: { left: band[0] ?? Infinity, right: band[1] ?? Infinity },
    alibiSlopes: alibiSlopes ? Float32Array.from(alibiSlopes) : null,
    sequences: lengths ? { cuSeqlensQ: offsets(lengths[0]), cuSeqlensK: offsets(lengths[1]) } : null,
  };
}

const array = (numbers: Numbers): Float64Array => Float64Array.from(numbers, (x) => x ?? -Infinity);

/** Seeded numbers in [-1, 1). */
function values(count: number, seed: number): Float64Array {
  let state = seed;
  return Float64Array.from({ length: count }, () => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state / 2 ** 32) * 2 - 1;
  });
}

const count = (operand: ScoreOperand): number => operand.shape.reduce((product, n) => product * n, 1);

function makeInputs(p: Problem) {
  const totals = p.sequences && [p.sequences.cuSeqlensQ.at(-1)!, p.sequences.cuSeqlensK.at(-1)!];
  const [queries, keys] = totals ?? [p.B * p.Nq, p.B * p.Nk];
  return {
    inputs: {
      q: values(queries * p.H * p.D, 1),
      k: values(keys * p.Hk * p.D, 2),
      v: values(keys * p.Hk * p.Dv, 3),
      ...(p.bias ? { bias: values(count(p.bias), 5) } : {}),
      ...(p.mask ? { mask: values(count(p.mask), 6).map((x) => (x > -0.4 ? 1 : 0)) } : {}),
    },
    dout: values(queries * p.H * p.Dv, 4),
  };
}

const small: Problem = {
  ...NO_FEATURES,
  ...{ B: 2, H: 4, Hk: 2, Nq: 5, Nk: 4, D: 3, Dv: 2 },
  ...{ scale: 0.6, layout: 'bhnd', packing: 'none', dtype: 'f32' },
};

const operand = (...shape: Shape): ScoreOperand => ({ shape, dtype: 'f32' });

describe(`reference against PyTorch ${vectors.torch} in float64`, () => {
  test.each(vectors.cases.map((torch) => [torch.name, torch] as const))('%s', (_, torch) => {
    const problem = problemOf(torch);
    const { q, k, v, bias, mask, dout } = torch.inputs;
    const inputs: ReferenceInputs = {
      ...{ q: array(q), k: array(k), v: array(v) },
      ...{ bias: bias && array(bias), mask: mask && array(mask) },
    };
    const { out, lse } = referenceForward(problem, inputs);
    const { dq, dk, dv, dbias } = referenceBackward(problem, inputs, array(dout));
    for (const [name, actual] of Object.entries({ out, lse, dq, dk, dv, dbias })) {
      const expected = array(torch.expected[name as keyof TorchCase['expected']] ?? []);
      const size = expected.reduce((most, x) => (Number.isFinite(x) ? Math.max(most, Math.abs(x)) : most), 0);
      expect({ name, ...compare(actual, expected, 1e-12 * (1 + size)) }).toMatchObject({ ok: true });
    }
  });

  test('the vectors hold what their names promise', () => {
    expect(vectors.torch).toBe('2.13.0');
    const { cases } = vectors;
    expect(cases.some((c) => c.problem.H !== c.problem.Hk)).toBe(true);
    expect(cases.some((c) => c.problem.D !== c.problem.Dv)).toBe(true);
    const withEmptyRows = cases.filter((c) => c.expected.lse.includes(null));
    expect(withEmptyRows.length).toBeGreaterThan(4);
    for (const feature of ['alibiSlopes', 'bias', 'mask', 'dropout', 'lengths'] as const) {
      expect(cases.filter((c) => c.problem[feature]).length).toBeGreaterThan(2);
    }
    for (const { inputs, problem, expected } of cases) {
      expect(expected.dbias?.length).toBe(inputs.bias?.length);
      expect(inputs.bias?.length).toBe(problem.bias && count(operand(...problem.bias)));
    }
    expect(cases.some((c) => c.inputs.bias?.includes(null))).toBe(true);
  });
});

describe('reference gradients against finite differences', () => {
  const problems: [string, Problem][] = [
    ['grouped heads, Dv != D', small],
    ['causal with an empty row', { ...small, band: CAUSAL }],
    ['causal, fewer queries than keys', { ...small, Nq: 3, Nk: 6, band: CAUSAL }],
    ['negative scale', { ...small, scale: -1.7 }],
    ['scale 0', { ...small, scale: 0 }],
    ['one of everything', { ...small, B: 1, H: 1, Hk: 1, Nq: 1, Nk: 1, D: 1, Dv: 1 }],
    ['window', { ...small, band: { left: 1, right: 1 } }],
    ['softcap', { ...small, scale: 2, softcap: 0.7 }],
    ['ALiBi', { ...small, alibiSlopes: Float32Array.of(1, 0.5, 0.25, 0, 2, 1, 0.5, 0.25) }],
    ['bias', { ...small, bias: operand(2, 4, 5, 4) }],
    ['bias of one row, softcap', { ...small, softcap: 0.9, bias: operand(1, 4, 1, 4) }],
    ['mask', { ...small, bias: operand(2, 1, 5, 4), mask: operand(2, 1, 5, 4) }],
    ['dropout', { ...small, bias: operand(1, 1, 5, 1), dropout: { p: 0.4, seed: 11 } }],
    [
      'packed sequences with everything',
      {
        ...{ ...small, B: 3, Nq: 4, Nk: 5, band: { left: 3, right: 1 }, softcap: 1.1 },
        ...{ bias: operand(3, 1, 4, 5), mask: operand(1, 4, 4, 5), dropout: { p: 0.3, seed: 3 } },
        alibiSlopes: new Float32Array(12).fill(0.5),
        sequences: { cuSeqlensQ: Int32Array.of(0, 3, 3, 7), cuSeqlensK: Int32Array.of(0, 5, 7, 10) },
      },
    ],
  ];
  test.each(problems)('%s', (_, problem) => {
    const { inputs, dout } = makeInputs(problem);
    const loss = (): number => referenceForward(problem, inputs).out.reduce((sum, x, t) => sum + x * dout[t], 0);
    const { dq, dk, dv, dbias } = referenceBackward(problem, inputs, dout);
    expect(compare(dq, finiteDifference(loss, inputs.q), 1e-9)).toMatchObject({ ok: true });
    expect(compare(dk, finiteDifference(loss, inputs.k), 1e-9)).toMatchObject({ ok: true });
    expect(compare(dv, finiteDifference(loss, inputs.v), 1e-9)).toMatchObject({ ok: true });
    expect(dbias).toHaveLength(inputs.bias?.length ?? 0);
    if (inputs.bias) {
      expect(compare(dbias, finiteDifference(loss, inputs.bias), 1e-9)).toMatchObject({ ok: true });
    }
  });

  test('lse is the log of the sum of exp(s), and its gradient in q is scale * p k', () => {
    const { inputs } = makeInputs(small);
    const sumOfLse = (): number => referenceForward(small, inputs).lse.reduce((sum, x) => sum + x, 0);
    // With v = k the output is p k, the gradient of lse in scale * q.
    const { out } = referenceForward({ ...small, Dv: small.D }, { ...inputs, v: inputs.k });
    const expected = out.map((x) => x * small.scale);
    expect(compare(finiteDifference(sumOfLse, inputs.q), expected, 1e-9)).toMatchObject({ ok: true });
  });
});

describe('reference, the corners', () => {
  test('scores of +-3000 give finite results', () => {
    const problem = { ...small, scale: 3000 };
    const { inputs, dout } = makeInputs(problem);
    const { out, lse, maxAbsScore } = referenceForward(problem, inputs);
    expect(maxAbsScore).toBeGreaterThan(1000);
    const { dq, dk, dv } = referenceBackward(problem, inputs, dout);
    for (const numbers of [out, lse, dq, dk, dv]) expect(numbers.every(Number.isFinite)).toBe(true);
  });

  // The keys after the first one, forbidden in three ways, hold NaN.
  test.each([
    ['causal', { band: CAUSAL }, {}],
    ['mask', { mask: operand(1, 1, 1, 2) }, { mask: [1, 0] }],
    ['bias', { bias: operand(1, 1, 1, 2) }, { bias: Float64Array.of(0, -Infinity) }],
  ] as [string, Partial<Problem>, Partial<ReferenceInputs>][])(
    'what %s forbids has no effect, whatever it holds',
    (_, features, more) => {
      const problem: Problem = { ...small, Nq: 2, Nk: 2, ...features };
      const { inputs: clean, dout } = makeInputs({ ...small, Nq: 2, Nk: 2 });
      const { B, Hk, Nk, D, Dv } = problem;
      const [k, v] = [clean.k.slice(), clean.v.slice()];
      for (let head = 0; head < B * Hk; head++) {
        k.fill(NaN, (head * Nk + 1) * D, (head + 1) * Nk * D);
        v.fill(NaN, (head * Nk + 1) * Dv, (head + 1) * Nk * Dv);
      }
      const firstRows = Array.from({ length: B * problem.H }, (_, head) => head * problem.Nq);
      const run = (own: object) => {
        const inputs = { ...clean, ...more, ...own };
        const { dq, dbias } = referenceBackward(problem, inputs, dout, firstRows);
        return { ...referenceForward(problem, inputs, firstRows), dq, dbias };
      };
      const [spoiled, expected] = [run({ k, v }), run({})];
      for (const name of ['out', 'lse', 'dq', 'dbias'] as const) {
        expect(compare(spoiled[name], expected[name], 0)).toMatchObject({ ok: true, error: 0 });
      }
    },
  );

  test('maxAbsScore looks at visible scores only', () => {
    const one: Problem = {
      ...{ ...small, B: 1, H: 1, Hk: 1, Nq: 1, Nk: 2, D: 1, Dv: 1 },
      ...{ scale: -2, band: CAUSAL },
    };
    const k = Float64Array.of(3, 4);
    const v = Float64Array.of(0, 0);
    expect(referenceForward(one, { q: Float64Array.of(1), k, v }).maxAbsScore).toBe(8);
    expect(referenceForward({ ...one, Nq: 2 }, { q: Float64Array.of(1, 0), k, v }).maxAbsScore).toBe(6);
  });

  test('maxAbsScore is that of the finite scores that softmax gets', () => {
    const one: Problem = { ...small, B: 1, H: 1, Hk: 1, Nq: 1, Nk: 2, D: 1, Dv: 1, scale: 1 };
    const inputs = { q: Float64Array.of(1), k: Float64Array.of(3, 4), v: Float64Array.of(0, 0) };
    expect(referenceForward({ ...one, softcap: 1 }, inputs).maxAbsScore).toBe(Math.tanh(4));
    const bias = Float64Array.of(-10, -Infinity);
    expect(referenceForward({ ...one, bias: operand(1, 1, 1, 2) }, { ...inputs, bias }).maxAbsScore).toBe(7);
  });

  test('dropped entries are gone from out and untouched in lse', () => {
    const problem: Problem = { ...small, B: 1, H: 1, Hk: 1, Nq: 1, Nk: 400, D: 1, Dv: 1, scale: 0 };
    const inputs = { q: Float64Array.of(1), k: new Float64Array(400), v: new Float64Array(400).fill(1) };
    const { out, lse } = referenceForward({ ...problem, dropout: { p: 0.25, seed: 1 } }, inputs);
    const kept = Math.round(out[0] * 400 * 0.75);
    expect(out[0]).toBeCloseTo(kept / 400 / 0.75, 12);
    // 300 are expected; 40 are five standard deviations.
    expect(Math.abs(kept - 300)).toBeLessThan(40);
    expect(lse[0]).toBeCloseTo(Math.log(400), 12);
  });
});

describe('a sample of rows', () => {
  const problem: Problem = { ...small, Nq: 23, Nk: 17, bias: operand(1, 4, 1, 17) };
  const packed: Problem = {
    ...{ ...small, B: 3, Nq: 20, Nk: 9, bias: operand(1, 4, 20, 1) },
    sequences: { cuSeqlensQ: Int32Array.of(0, 20, 20, 34), cuSeqlensK: Int32Array.of(0, 9, 11, 18) },
  };

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

  test.each([
    ['dense', problem],
    ['packed', packed],
  ])('%s: gives the same numbers as the whole, and all of dk, dv and dbias where dout is 0 elsewhere', (_, p) => {
    const { inputs, dout } = makeInputs(p);
    const rows = sampleRows(p, 11);
    expect(rows).toHaveLength(11);
    const places = storedRows(p, rows);
    const whole = referenceForward(p, inputs);
    const part = referenceForward(p, inputs, rows);
    expect(part.out).toEqual(gatherRows(whole.out, places, p.Dv));
    expect(part.lse).toEqual(gatherRows(whole.lse, rows, 1));

    const sparse = keepRows(p, Float32Array.from(dout), rows);
    const wholeGradients = referenceBackward(p, inputs, sparse);
    const partGradients = referenceBackward(p, inputs, sparse, rows);
    expect(partGradients.dq).toEqual(gatherRows(wholeGradients.dq, places, p.D));
    expect(partGradients.dq.some((x) => x !== 0)).toBe(true);
    for (const name of ['dk', 'dv', 'dbias'] as const) expect(partGradients[name]).toEqual(wholeGradients[name]);
  });
});
