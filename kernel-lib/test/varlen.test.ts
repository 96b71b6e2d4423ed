import { chooseBackward, chooseForward } from '../src/api/choose-path';
import { NO_FEATURES, type Problem } from '../src/api/problem';
import { defaultDevice } from '../src/device/default-device';
import { UNIFORM_WORDS } from '../src/features/score';
import * as flash from '../src/node';
import { bitsOf } from './support/close';
import { onEachAdapter } from './support/devices';

// Every sequence of a varlen call against a call of its own: the kernels are the same and count i and j from the same place, so the
// bits are, too.

const LENGTHS_Q = [5, 0, 17, 1, 8, 3];
const LENGTHS_K = [3, 4, 20, 0, 5, 9];
const offsetsOf = (lengths: number[]): number[] =>
  lengths.reduce((offsets, n) => [...offsets, offsets[offsets.length - 1] + n], [0]);
const [cuSeqlensQ, cuSeqlensK] = [offsetsOf(LENGTHS_Q), offsetsOf(LENGTHS_K)];
const [B, H, Hk] = [LENGTHS_Q.length, 4, 2];
const [totalQ, totalK] = [cuSeqlensQ[B], cuSeqlensK[B]];
const [maxQ, maxK] = [Math.max(...LENGTHS_Q), Math.max(...LENGTHS_K)];

/** The top left part of each (maxQ, maxK) matrix of x (heads,maxQ,maxK). */
const topLeft = (x: Float32Array, heads: number, Nq: number, Nk: number): number[] =>
  Array.from({ length: heads * Nq * Nk }, (_, n) => {
    const [h, i, j] = [Math.floor(n / (Nq * Nk)), Math.floor(n / Nk) % Nq, n % Nk];
    return x[(h * maxQ + i) * maxK + j];
  });

/** Rows `offsets[b] .. offsets[b + 1]` of a tensor (total,heads,width) as a batch of one. */
async function sequenceOf(t: flash.Tensor, offsets: number[], b: number): Promise<flash.Tensor> {
  const [, heads, width] = t.shape;
  const rows = (await t.data()).subarray(offsets[b] * heads * width, offsets[b + 1] * heads * width);
  return flash.tensor(rows, [1, offsets[b + 1] - offsets[b], heads, width], { dtype: t.dtype });
}

type Call = flash.AttentionOptions;

const KINDS: [string, Call & { dtype?: flash.FloatDType; D?: number; Dv?: number }][] = [
  ['flash2', {}],
  ['flash2 with tiles 5 x 7', { tiles: { br: 5, bc: 7 } }],
  ['flash2 in f16', { dtype: 'f16' }],
  ['flash1', { algorithm: 'flash1' }],
  ['naive', { algorithm: 'naive' }],
  ['reference', { algorithm: 'reference', D: 7, Dv: 12 }],
];

onEachAdapter('sequences of different lengths', () => {
  test.each(KINDS)('%s: each as in a call of its own, with every option', async (_, kind) => {
    const { dtype = 'f32', D = 16, Dv = 16, ...options } = kind;
    const q = flash.randn([totalQ, H, D], { seed: 1, dtype });
    const k = flash.randn([totalK, Hk, D], { seed: 2, dtype });
    const v = flash.randn([totalK, Hk, Dv], { seed: 3, dtype });
    const dout = flash.randn([totalQ, H, Dv], { seed: 4, dtype });
    const slopes = Array.from({ length: B }, (__, b) => [0.1 * b, 0.2, 0.3 / (b + 1), 0]);
    const bias = flash.randn([1, H, maxQ, maxK], { seed: 5 });
    const allowed = Float32Array.from({ length: maxQ * maxK }, (__, n) => Number(n % 5 !== 2));
    const common: Call = { ...options, window: [6, 3], softcap: 3, scale: 0.4 };
    const whole = await flash.attentionVarlen(q, k, v, {
      ...{ ...common, cuSeqlensQ, cuSeqlensK, alibiSlopes: slopes, bias },
      mask: flash.tensor(allowed, [maxQ, maxK], { dtype: 'bool' }),
    });
    expect([whole.out.shape, whole.lse.shape]).toEqual([
      [totalQ, H, Dv],
      [H, totalQ],
    ]);
    const found = { ...(await bitsOf(whole)), ...(await bitsOf(await whole.backward(dout))) };
    const dbias = new Float64Array(H * maxQ * maxK);
    for (let b = 0; b < B; b++) {
      const [Nq, Nk] = [LENGTHS_Q[b], LENGTHS_K[b]];
      const rows = (x: Float32Array, offsets: number[], width: number): Float32Array =>
        x.slice(offsets[b] * width, offsets[b + 1] * width);
      const lse = Array.from({ length: H }, (__, h) => h).flatMap((h) =>
        Array.from(found.lse.subarray(h * totalQ + cuSeqlensQ[b], h * totalQ + cuSeqlensQ[b + 1])),
      );
      if (Nq === 0 || Nk === 0) {
        // Queries without keys, or keys that nobody sees.
        for (const [x, offsets, width] of [
          [found.out, cuSeqlensQ, H * Dv],
          [found.dq, cuSeqlensQ, H * D],
          [found.dk, cuSeqlensK, Hk * D],
          [found.dv, cuSeqlensK, Hk * Dv],
        ] as const) {
          expect(rows(x, [...offsets], width).every((value) => value === 0)).toBe(true);
        }
        expect(lse.every((value) => value === -Infinity)).toBe(true);
        continue;
      }
      const own = await flash.attention(
        await sequenceOf(q, cuSeqlensQ, b),
        await sequenceOf(k, cuSeqlensK, b),
        await sequenceOf(v, cuSeqlensK, b),
        {
          ...{ ...common, layout: 'bnhd', alibiSlopes: slopes[b] },
          bias: flash.tensor(topLeft(await bias.data(), H, Nq, Nk), [1, H, Nq, Nk]),
          mask: flash.tensor(topLeft(allowed, 1, Nq, Nk), [Nq, Nk], { dtype: 'bool' }),
        },
      );
      const truth = {
        ...(await bitsOf(own)),
        ...(await bitsOf(await own.backward(await sequenceOf(dout, cuSeqlensQ, b)))),
      };
      expect(rows(found.out, cuSeqlensQ, H * Dv)).toEqual(truth.out);
      expect(Float32Array.from(lse)).toEqual(truth.lse);
      expect(rows(found.dq, cuSeqlensQ, H * D)).toEqual(truth.dq);
      expect(rows(found.dk, cuSeqlensK, Hk * D)).toEqual(truth.dk);
      expect(rows(found.dv, cuSeqlensK, Hk * Dv)).toEqual(truth.dv);
      truth.dbias.forEach((value, n) => {
        const [h, i, j] = [Math.floor(n / (Nq * Nk)), Math.floor(n / Nk) % Nq, n % Nk];
        dbias[(h * maxQ + i) * maxK + j] += value;
      });
    }
    // What the sequences share is summed over them.
    found.dbias.forEach((value, n) =>
      expect(Math.abs(value - dbias[n])).toBeLessThanOrEqual(2e-6 * (1 + Math.abs(dbias[n]))),
    );
  });

  test.each(['flash2', 'flash1', 'naive'] as const)(
    '%s: the number of launches does not grow with B',
    async (algorithm) => {
      const { facts } = await defaultDevice();
      const steps = (sequences: number): number[] => {
        const cuSeqlens = Int32Array.from(offsetsOf(Array.from({ length: sequences }, (_, b) => (b === 0 ? 200 : 3))));
        const problem: Problem = {
          ...{ ...NO_FEATURES, B: sequences, H: 4, Hk: 2, Nq: 200, Nk: 200, D: 16, Dv: 16, scale: 1 },
          ...{ layout: 'bnhd', packing: 'none', dtype: 'f32' },
          sequences: { cuSeqlensQ: cuSeqlens, cuSeqlensK: cuSeqlens },
        };
        const call = { problem, algorithm, tiles: null };
        return [chooseForward(call, facts), chooseBackward(call, facts)].map((plan) => plan.steps({}).length);
      };
      expect(steps(60)).toEqual(steps(2));
    },
  );

  test('nothing is padded: the bytes are those of the rows that there are', async () => {
    const total = cuSeqlensQ[B];
    const [q, k, v] = [1, 2, 3].map((seed) => flash.randn([total, 2, 16], { seed }));
    const { info } = await flash.attentionVarlen(q, k, v, { cuSeqlensQ, cuSeqlensK: cuSeqlensQ });
    // q, k, v, out: 2 heads of 16 floats; lse; a uniform block with the offsets, and what stands in for absent operands.
    const rows = total * 2 * (4 * 16 + 1) * 4;
    expect(info.deviceBytes).toBe(Math.ceil(rows / 16) * 16 + 4 * UNIFORM_WORDS + 16);
  });

  test.each(KINDS.filter(([, { dtype, tiles }]) => !dtype && !tiles))(
    '%s: nothing but empty sequences',
    async (_, { algorithm }) => {
      const call = { algorithm, cuSeqlensQ: [0, 0, 3], cuSeqlensK: [0, 0, 0] };
      const [q, none] = [flash.randn([3, 2, 16]), flash.zeros([0, 2, 16])];
      const noKeys = await flash.attentionVarlen(q, none, none, call);
      expect(await noKeys.out.data()).toEqual(new Float32Array(96));
      expect(await noKeys.lse.data()).toEqual(new Float32Array(6).fill(-Infinity));
      const first = await bitsOf(await noKeys.backward(q));
      expect(first).toEqual({ dq: new Float32Array(96), dk: new Float32Array(0), dv: new Float32Array(0) });
      const noQueries = await flash.attentionVarlen(none, q, q, {
        ...{ algorithm, cuSeqlensQ: call.cuSeqlensK, cuSeqlensK: call.cuSeqlensQ },
      });
      expect([noQueries.out.shape, noQueries.lse.shape]).toEqual([
        [0, 2, 16],
        [2, 0],
      ]);
      const second = await bitsOf(await noQueries.backward(none));
      expect(second).toEqual({ dq: new Float32Array(0), dk: new Float32Array(96), dv: new Float32Array(96) });
    },
  );

  test.each<[string, object, string, RegExp]>([
    ['no offsets', { cuSeqlensQ: undefined }, 'INVALID_ARGUMENT', /^cuSeqlensQ: .*got undefined/],
    ['offsets that fall', { cuSeqlensQ: [0, 5, 3, 6] }, 'INVALID_ARGUMENT', /^cuSeqlensQ\[2\]: .*got 3/],
    ['halves', { cuSeqlensK: [0, 2.5, 6] }, 'INVALID_ARGUMENT', /^cuSeqlensK\[1\]: .*got 2.5/],
    ['a negative one', { cuSeqlensK: [-1, 6] }, 'INVALID_ARGUMENT', /^cuSeqlensK\[0\]: /],
    ['another total', { cuSeqlensK: [0, 5] }, 'INVALID_ARGUMENT', /^cuSeqlensK: expected offsets from 0 to 6/],
    ['another start', { cuSeqlensQ: [1, 6] }, 'INVALID_ARGUMENT', /^cuSeqlensQ: expected offsets from 0/],
    ['unlike counts', { cuSeqlensQ: [0, 2, 6], cuSeqlensK: [0, 6] }, 'SHAPE', /^cuSeqlensK: expected 3 offsets/],
    ['a layout', { layout: 'bhnd' }, 'INVALID_ARGUMENT', /^layout: no such option/],
    [
      'a bias of the totals',
      { bias: flash.zeros([2, 6, 6]), cuSeqlensQ: [0, 2, 6], cuSeqlensK: [0, 2, 6] },
      'SHAPE',
      /^bias: .*4,4/,
    ],
  ])('%s: refused by name', async (_, options, code, message) => {
    const x = flash.zeros([6, 2, 16]);
    const all = { cuSeqlensQ: [0, 6], cuSeqlensK: [0, 6], ...options };
    await expect(flash.attentionVarlen(x, x, x, all)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
  });
});
