import { CAUSAL, NO_FEATURES, type Problem } from '../src/api/problem';
import { checkSeconds, planCheck } from '../src/experiments/check-plan';
import { truthOf, type HostInputs } from '../src/experiments/check-truth';
import { compareWithOther, compareWithTruth, type HostOutputs } from '../src/experiments/compare-outputs';
import type { Output } from '../src/experiments/report-data';
import { median } from '../src/experiments/measure';
import { Progress } from '../src/experiments/progress';
import { planReport, type AttentionInputs, type AttentionReportOptions } from '../src/experiments/report-options';
import { sizesAt, sweepLengths } from '../src/experiments/sweep';
import { keepRows, referenceBackward, referenceForward } from '../src/reference';
import { makeInputs, seedOf } from '../src/experiments/run-inputs';
import { randn } from '../src/tensor/random';
import { tensor, type Tensor } from '../src/tensor/tensor';

const base: Problem = {
  ...NO_FEATURES,
  ...{ B: 2, H: 4, Hk: 2, Nq: 9, Nk: 11, D: 5, Dv: 3 },
  ...{ scale: 0.4, band: CAUSAL, layout: 'bhnd', packing: 'none', dtype: 'f32' },
};

/** Everything that changes scores or p, with operands that are broadcast. */
const rich: Problem = {
  ...base,
  band: { left: 4, right: 1 },
  softcap: 2,
  alibiSlopes: Float32Array.from({ length: 8 }, (_, head) => head / 8),
  bias: { shape: [1, 4, 1, 11], dtype: 'f32' },
  mask: { shape: [2, 1, 9, 1], dtype: 'bool' },
  dropout: { p: 0.3, seed: 5 },
};

const idle = { onProgress: () => undefined };

async function hostInputs(p: Problem): Promise<HostInputs> {
  const data = (seed: number, ...shape: number[]): Promise<Float32Array> => randn(shape, { seed }).data();
  return {
    q: await data(1, p.B, p.H, p.Nq, p.D),
    k: await data(2, p.B, p.Hk, p.Nk, p.D),
    v: await data(3, p.B, p.Hk, p.Nk, p.Dv),
    dout: await data(4, p.B, p.H, p.Nq, p.Dv),
    bias: p.bias ? await data(5, ...p.bias.shape) : undefined,
    mask: p.mask ? Float32Array.from({ length: 18 }, (_, t) => (t % 5 ? 1 : 0)) : undefined,
  };
}

test.each([
  [1, [1]],
  [16, [16]],
  [48, [16, 32, 48]],
  [64, [16, 32, 64]],
  [100, [64, 100]],
  [256, [64, 128, 256]],
  [1024, [64, 128, 256, 512, 1024]],
  [5000, [512, 1024, 2048, 4096, 5000]],
])('the sweep to %i runs over %j', (seq, lengths) => expect(sweepLengths(seq)).toEqual(lengths));

test('keys shrink with the queries of a sweep, to one at least', () => {
  const sizes = planReport({ seq: 256, seqK: 64 }).sizes;
  expect(sizesAt(sizes, 64)).toMatchObject({ seq: 64, seqK: 16 });
  expect(sizesAt({ ...sizes, seqK: 1 }, 64)).toMatchObject({ seqK: 1 });
  expect(sizesAt(sizes, 256)).toEqual(sizes);
});

test('median of an odd and an even number of runs', () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 2, 3])).toBe(2.5);
});

test('progress adds up steps, never falls and ends at 1', async () => {
  const seen: number[] = [];
  const progress = new Progress(4, (fraction) => seen.push(fraction));
  await progress.step(1, async (tell) => [0.5, 0.2, 1].forEach(tell));
  await progress.step(1, async () => undefined);
  progress.finish();
  progress.finish();
  expect(seen).toEqual([0.125, 0.25, 0.5, 1]);
});

describe('planReport', () => {
  test('fills in the defaults of the magic', () => {
    const plan = planReport();
    expect(plan.sizes).toEqual({ batch: 1, heads: 4, kvHeads: 4, seq: 256, seqK: 256, dim: 64, dimV: 64 });
    expect(plan).toMatchObject({ dtype: 'f32', seed: 0, inputs: undefined, operands: {}, options: { seed: 0 } });
    expect(planReport({ heads: 8, dim: 32, causal: true })).toMatchObject({
      sizes: { kvHeads: 8, dimV: 32 },
      options: { causal: true },
    });
  });

  test('takes the sizes of given tensors, in either layout', () => {
    const inputs = { q: randn([2, 7, 4, 8]), k: randn([2, 9, 2, 8]), v: randn([2, 9, 2, 6]) };
    const sizes = { batch: 2, heads: 4, kvHeads: 2, seq: 7, seqK: 9, dim: 8, dimV: 6 };
    expect(planReport({ layout: 'bnhd', seq: 7, dim: 8 }, inputs).sizes).toEqual(sizes);
    const heads = { ...inputs, q: randn([2, 6, 7, 8]), k: randn([2, 3, 9, 8]), v: randn([2, 3, 9, 6]) };
    expect(planReport({}, heads).sizes).toEqual({ ...sizes, heads: 6, kvHeads: 3 });
  });

  test('takes the dtype of given tensors, bias and mask apart from what passes on, and the seed for both', () => {
    const half = (): Tensor => randn([1, 2, 8, 4], { dtype: 'f16' });
    const bias = randn([8, 8]);
    const plan = planReport({ bias, dropout: 0.1, seed: 4, window: [3, 0] }, { q: half(), k: half(), v: half() });
    expect(plan).toMatchObject({ dtype: 'f16', seed: 4, options: { dropout: 0.1, seed: 4, window: [3, 0] } });
    expect(plan.operands.bias).toBe(bias);
    expect(plan.options).not.toHaveProperty('bias');
  });

  const given = { q: randn([1, 2, 8, 4]), k: randn([1, 2, 8, 4]), v: randn([1, 2, 8, 4]) };
  test.each<[string, unknown, unknown, string, RegExp]>([
    ['seq 0', { seq: 0 }, undefined, 'INVALID_ARGUMENT', /seq: expected a whole number.*got 0/],
    ['a fraction', { heads: 1.5 }, undefined, 'INVALID_ARGUMENT', /heads: .*got 1\.5/],
    ['NaN', { dim: NaN }, undefined, 'INVALID_ARGUMENT', /dim: .*got NaN/],
    ['a text', { batch: '2' }, undefined, 'INVALID_ARGUMENT', /batch: .*got '2'/],
    ['a head size of 257', { dimV: 257 }, undefined, 'INVALID_ARGUMENT', /dimV: expected at most 256, got 257/],
    ['heads that do not divide', { heads: 4, kvHeads: 3 }, undefined, 'INVALID_ARGUMENT', /kvHeads: .*\(4\), got 3/],
    ['a negative seed', { seed: -1 }, undefined, 'INVALID_ARGUMENT', /seed: .*got -1/],
    ['bool', { dtype: 'bool' }, undefined, 'INVALID_ARGUMENT', /dtype: expected 'f32' or 'f16', got 'bool'/],
    [
      'a dtype that the tensors contradict',
      { dtype: 'f16' },
      given,
      'INVALID_ARGUMENT',
      /dtype: expected 'f32'.*got 'f16'/,
    ],
    [
      'tensors of two dtypes',
      {},
      { ...given, k: randn([1, 2, 8, 4], { dtype: 'f16' }) },
      'DTYPE',
      /k: expected dtype 'f32'/,
    ],
    ['no object', 5, undefined, 'INVALID_ARGUMENT', /options: expected an object, got 5/],
    ['sizes beyond any memory', { seq: 1e9 }, undefined, 'INVALID_ARGUMENT', /seq: expected sizes.*2\^30/],
    ['a size that the tensors contradict', { seq: 9 }, given, 'INVALID_ARGUMENT', /seq: expected 8.*got 9/],
    ['no tensor', {}, { ...given, k: [1] }, 'INVALID_ARGUMENT', /k: expected a Tensor/],
    ['a tensor of rank 3', {}, { ...given, v: randn([2, 8, 4]) }, 'SHAPE', /v: expected 4 axes/],
  ])('refuses %s', (_, options, inputs, code, message) => {
    const plan = (): unknown => planReport(options as AttentionReportOptions, inputs as AttentionInputs);
    expect(plan).toThrow(expect.objectContaining({ code, message: expect.stringMatching(message) }));
  });
});

describe('makeInputs', () => {
  const bias = tensor([0, 1, 2, -Infinity, 4, 5, 6, 7, 8, 9, 10, 11], [2, 2, 3], { dtype: 'f16' });
  const plan = planReport({ seq: 2, seqK: 3, heads: 2, dim: 4, seed: 7, bias, mask: tensor([1, 0, 1], [3]) });

  test('gives the full bias and mask at the full length, random tensors from the seed', async () => {
    const made: Tensor[] = [];
    const inputs = await makeInputs(plan, plan.sizes, (one) => made.push(one));
    expect(inputs.bias).toBe(bias);
    expect(made).toEqual([inputs.q, inputs.k, inputs.v, inputs.dout]);
    expect(await inputs.k.data()).toEqual(await randn([1, 2, 3, 4], { seed: seedOf(7, 1) }).data());
  });

  test('at a shorter length bias and mask are their first rows and columns, in their dtype', async () => {
    const made: Tensor[] = [];
    const shorter = { ...plan.sizes, seq: 1, seqK: 2 };
    const inputs = await makeInputs(plan, shorter, (one) => made.push(one));
    expect([inputs.bias!.shape, inputs.bias!.dtype, inputs.mask!.shape]).toEqual([[2, 1, 2], 'f16', [2]]);
    expect([...(await inputs.bias!.data())]).toEqual([0, 1, 6, 7]);
    expect([...(await inputs.mask!.data())]).toEqual([1, 0]);
    expect(made).toContain(inputs.bias);
    const rows = await makeInputs(plan, { ...plan.sizes, seqK: 1 }, () => undefined);
    expect([...(await rows.bias!.data())]).toEqual([0, -Infinity, 6, 9]);
  });
});

describe('planCheck', () => {
  test('takes all rows where that is quick', () => {
    const plan = planCheck(base, 0);
    expect(plan.whole).toBe(true);
    expect(plan.rows).toEqual(Array.from({ length: 2 * 4 * 9 }, (_, row) => row));
  });

  test('takes a sample of every head where the whole would take long, the same one again', () => {
    const long = { ...base, Nq: 4096, Nk: 4096, D: 64, Dv: 64 };
    const plan = planCheck(long, 7);
    expect(plan.whole).toBe(false);
    expect(new Set(plan.rows.map((row) => Math.floor(row / 4096))).size).toBe(8);
    expect(new Set(plan.rows).size).toBe(plan.rows.length);
    expect(plan.rows.every((row) => row < plan.rowsTotal)).toBe(true);
    expect(plan.rows[0]).toBe(0);
    expect(plan.rows.at(-1)).toBe(plan.rowsTotal - 1);
    expect(checkSeconds(long, plan)).toBeLessThan(3);
    expect(planCheck(long, 7)).toEqual(plan);
    expect(planCheck(long, 8)).not.toEqual(plan);
  });

  test('takes two rows even where they take long', () => expect(planCheck(base, 0, 1).rows).toEqual([0, 71]));
});

describe('truth and comparison', () => {
  test.each([base, rich])('the truth of a whole plan is the reference', async (problem) => {
    const inputs = await hostInputs(problem);
    const truth = await truthOf(problem, planCheck(problem, 0), inputs, idle);
    const forward = referenceForward(problem, inputs);
    const backward = referenceBackward(problem, inputs, inputs.dout);
    const { out, lse, dq, dk, dv, dbias } = { ...forward, ...backward };
    const expected = { out, lse, dq, dk, dv, ...(problem.bias ? { dbias } : {}) };
    expect(Object.keys(truth)).toEqual(Object.keys(expected));
    for (const [output, reference] of Object.entries(expected))
      expect(truth[output as 'out']!.reference).toEqual(reference);
  });

  /** A right answer in the place of what a GPU computes. */
  async function rightAnswer(p: Problem, budget?: number) {
    const plan = planCheck(p, 3, budget);
    const inputs = await hostInputs(p);
    const dout = keepRows(p, inputs.dout, plan.rows);
    const truth = await truthOf(p, plan, { ...inputs, dout }, idle);
    const { out, lse } = referenceForward(p, inputs);
    const { dq } = referenceBackward(p, inputs, inputs.dout);
    const { dk, dv, dbias } = referenceBackward(p, inputs, dout);
    const all = { out, lse, dq, dk, dv, ...(p.bias ? { dbias } : {}) };
    const outputs = Object.fromEntries(
      Object.entries(all).map(([name, values]) => [name, Float32Array.from(values)]),
    ) as HostOutputs;
    return { plan, truth, outputs };
  }

  const sampled = 20 * 11 * 8;
  test.each([
    [base, undefined],
    [base, sampled],
    [rich, sampled],
  ])('right results pass, whole or sampled (case %#)', async (problem, budget) => {
    const { plan, truth, outputs } = await rightAnswer(problem, budget);
    const errors = compareWithTruth(problem, plan, outputs, truth);
    const names = ['out', 'lse', 'dq', 'dk', 'dv', ...(problem.bias ? ['dbias'] : [])];
    expect(errors.map(({ output, ok }) => [output, ok])).toEqual(names.map((o) => [o, true]));
    expect(errors[0]).toMatchObject({ rowsChecked: budget ? 20 : 72, rowsTotal: 72 });
    const other = compareWithOther(problem, plan, outputs, outputs, 'naive', truth);
    expect(other.every(({ ok, error, against }) => ok && error === 0 && against === 'naive')).toBe(true);
  });

  test.each<[Output, number[], number]>([
    ['out', [1, 3, 8, 2], 1e-3],
    ['lse', [1, 3, 8], NaN],
    ['dq', [1, 3, 8, 4], Infinity],
    ['dk', [1, 1, 10, 4], 1e-3],
    ['dv', [1, 1, 4, 0], NaN],
    ['dbias', [0, 3, 0, 10], 1e-3],
  ])('one wrong entry of %s fails and is pointed at %j (off by %p)', async (output, at, off) => {
    const { plan, truth, outputs } = await rightAnswer(rich, sampled);
    const { B, H, Hk, Nq, Nk, D, Dv, bias } = rich;
    const shapes = {
      ...{ out: [B, H, Nq, Dv], lse: [B, H, Nq], dq: [B, H, Nq, D] },
      ...{ dk: [B, Hk, Nk, D], dv: [B, Hk, Nk, Dv], dbias: bias!.shape },
    };
    const index = at.reduce((flat, n, axis) => flat * shapes[output][axis] + n, 0);
    const wrong = { ...outputs, [output]: Float32Array.from(outputs[output]!) };
    wrong[output]![index] += off;
    for (const errors of [
      compareWithTruth(rich, plan, wrong, truth),
      compareWithOther(rich, plan, wrong, outputs, 'naive', truth),
    ]) {
      expect(errors.filter(({ ok }) => !ok)).toMatchObject([{ output, worstIndex: at }]);
    }
  });

  test('an abort between two parts stops the reference with the reason', async () => {
    const control = new AbortController();
    const reason = new Error('enough');
    const fractions: number[] = [];
    const onProgress = (fraction: number): void => {
      fractions.push(fraction);
      control.abort(reason);
    };
    const inputs = await hostInputs(base);
    const truth = truthOf(base, planCheck(base, 0), inputs, { signal: control.signal, onProgress });
    await expect(truth).rejects.toBe(reason);
    expect(fractions).toEqual([1 / 4]);
  });
});
