import * as compat from '../src/compat';
import * as flash from '../src/node';
import { onEachAdapter } from './support/devices';
import { leftBehind } from './support/left-behind';

// What calls by the names of other libraries take and refuse; no call here reaches a device.

const made = (...shape: number[]): flash.Tensor => flash.randn(shape, { seed: shape.length });
const q = made(1, 2, 3, 4);
const k = made(1, 2, 5, 4);
const rows = made(6, 2, 4);
const packed = made(6, 3, 2, 4);
const reference = { algorithm: 'reference' } as const;
const error = (code: string, ...parts: string[]): object =>
  expect.objectContaining({ code, message: expect.stringMatching(new RegExp(`^${parts.join('.*')}`)) });

type Refusal = [string, () => Promise<unknown>, object];

const sdpa = compat.scaledDotProductAttention;
const mea = compat.memoryEfficientAttention;
// prettier-ignore
const ofTorch: Refusal[] = [
  ['a mask and isCausal', () => sdpa(q, k, k, { attnMask: made(3, 5), isCausal: true }), error('INVALID_ARGUMENT', 'attnMask', 'isCausal')],
  ['fewer heads without enableGqa', () => sdpa(q, made(1, 1, 5, 4), made(1, 1, 5, 4)), error('SHAPE', 'k: expected 2 heads', 'enableGqa')],
  ['heads that do not divide', () => sdpa(made(1, 4, 3, 4), made(1, 3, 5, 4), made(1, 3, 5, 4), { enableGqa: true }), error('SHAPE', 'k: ', '3')],
  ['another batch', () => sdpa(q, made(2, 2, 5, 4), made(2, 2, 5, 4)), error('SHAPE', 'k: expected shape \\(1,2,5,4\\)')],
  ['another length of v', () => sdpa(q, k, made(1, 2, 6, 4)), error('SHAPE', 'v: expected shape \\(1,2,5,4\\)')],
  ['other axes', () => sdpa(q, made(2, 5, 4), k), error('SHAPE', 'k: expected 4 axes')],
  ['one axis', () => sdpa(made(4), made(4), made(4)), error('SHAPE', 'q: expected axes')],
  ['no tensor', () => sdpa(q, k, [1] as unknown as flash.Tensor), error('INVALID_ARGUMENT', 'v: expected a Tensor')],
  ['dropoutP of 1', () => sdpa(q, k, k, { dropoutP: 1 }), error('INVALID_ARGUMENT', 'dropoutP: expected a number p, 0 <= p < 1')],
  ['isCausal of 1', () => sdpa(q, k, k, { isCausal: 1 as unknown as boolean }), error('INVALID_ARGUMENT', 'isCausal: expected true or false')],
  ['a mask that does not broadcast', () => sdpa(q, k, k, { attnMask: made(2, 5) }), error('SHAPE', 'attnMask: ', '\\(1,2,3,5\\)')],
  ['a mask of bytes', () => sdpa(q, k, k, { attnMask: flash.zeros([3, 5], { dtype: 'i8' }) }), error('DTYPE', 'attnMask: ', "'bool'", "'i8'")],
  ['a mask of another float', () => sdpa(q, k, k, { attnMask: flash.zeros([3, 5], { dtype: 'f16' }) }), error('DTYPE', 'attnMask: ', "'f16'")],
  ['a mask of more axes', () => sdpa(q, k, k, { attnMask: made(1, 1, 1, 3, 5) }), error('SHAPE', 'attnMask: expected at most 4 axes')],
  ['a mask along one of two batch axes', () => sdpa(made(2, 2, 1, 3, 4), made(2, 2, 1, 5, 4), made(2, 2, 1, 5, 4), { attnMask: made(2, 1, 1, 3, 5) }), error('UNSUPPORTED', 'attnMask: ')],
  ['a name of another library', () => sdpa(q, k, k, { softmaxScale: 1 } as object), error('INVALID_ARGUMENT', 'softmaxScale: no such option', 'attnMask')],
];

const bnhd = made(1, 3, 2, 4);
const varlen = { cuSeqlensQ: [0, 2, 6], cuSeqlensK: [0, 3, 6] };
// prettier-ignore
const ofFlashAttn: Refusal[] = [
  ['windowSize of one number', () => compat.flashAttnFunc(bnhd, bnhd, bnhd, { windowSize: [1] as unknown as [number, number] }), error('INVALID_ARGUMENT', 'windowSize: ')],
  ['softmaxScale of NaN', () => compat.flashAttnFunc(bnhd, bnhd, bnhd, { softmaxScale: NaN }), error('INVALID_ARGUMENT', 'softmaxScale: ')],
  ['deterministic of 1', () => compat.flashAttnFunc(bnhd, bnhd, bnhd, { deterministic: 1 as unknown as boolean }), error('INVALID_ARGUMENT', 'deterministic: ')],
  ['probabilities over pages', () => compat.flashAttnVarlenFunc(rows, made(2, 3, 2, 4), made(2, 3, 2, 4), { ...varlen, blockTable: [[0], [1]], returnAttnProbs: true, dropoutP: 0.1 }), error('UNSUPPORTED', 'returnAttnProbs: ', 'blockTable')],
  ['slopes of another length', () => compat.flashAttnQkvpackedFunc(made(1, 3, 3, 2, 4), { alibiSlopes: [1] }), error('INVALID_ARGUMENT', 'alibiSlopes')],
  ['dropoutP of 2, packed', () => compat.flashAttnKvpackedFunc(bnhd, made(1, 3, 2, 2, 4), { dropoutP: 2 }), error('INVALID_ARGUMENT', 'dropoutP: ')],
  ['no offsets', () => compat.flashAttnVarlenFunc(rows, rows, rows, {} as compat.FlashAttnVarlenOptions), error('INVALID_ARGUMENT', 'cuSeqlensQ: ')],
  ['maxSeqlenQ below the longest', () => compat.flashAttnVarlenFunc(rows, rows, rows, { ...varlen, maxSeqlenQ: 3 }), error('INVALID_ARGUMENT', 'maxSeqlenQ: ', '4', 'got 3')],
  ['maxSeqlenK below the longest', () => compat.flashAttnVarlenFunc(rows, rows, rows, { ...varlen, maxSeqlenK: 2 }), error('INVALID_ARGUMENT', 'maxSeqlenK: ')],
  ['pages of three axes', () => compat.flashAttnVarlenFunc(rows, rows, rows, { ...varlen, blockTable: [[0], [0]] }), error('SHAPE', 'k: expected 4 axes')],
  ['pages that are not there', () => compat.flashAttnVarlenFunc(rows, made(2, 3, 2, 4), made(2, 3, 2, 4), { ...varlen, blockTable: [[0], [2]] }), error('INVALID_ARGUMENT', 'blockTable\\[1\\]\\[0\\]: expected a page of the cache, 0 to 1')],
  ['fewer pages than keys', () => compat.flashAttnVarlenFunc(rows, made(2, 3, 2, 4), made(2, 3, 2, 4), { ...varlen, cuSeqlensK: [0, 4, 6], blockTable: [[0], [1]] }), error('SHAPE', 'cuSeqlensK\\[0\\]: expected at most 3')],
  ['another algorithm over pages', () => compat.flashAttnVarlenFunc(rows, made(2, 3, 2, 4), made(2, 3, 2, 4), { ...varlen, blockTable: [[0], [1]], algorithm: 'naive' }), error('INVALID_ARGUMENT', "algorithm: expected 'flash2' together with a blockTable")],
  ['offsets of another total', () => compat.flashAttnVarlenQkvpackedFunc(packed, { cuSeqlens: [0, 5] }), error('INVALID_ARGUMENT', 'cuSeqlens: ', '6')],
  ['maxSeqlen below the longest', () => compat.flashAttnVarlenQkvpackedFunc(packed, { cuSeqlens: [0, 5, 6], maxSeqlen: 4 }), error('INVALID_ARGUMENT', 'maxSeqlen: ')],
  ['two of q, k and v', () => compat.flashAttnVarlenQkvpackedFunc(made(6, 2, 2, 4), { cuSeqlens: [0, 6] }), error('SHAPE', 'qkv: ')],
  ['no heads', () => compat.flashAttnVarlenQkvpackedFunc(flash.zeros([6, 3, 0, 4]), { cuSeqlens: [0, 6] }), error('SHAPE', 'qkv: expected at least one head')],
  ['three of k and v', () => compat.flashAttnVarlenKvpackedFunc(rows, packed, varlen), error('SHAPE', 'kv: ')],
  ['more sequences of keys', () => compat.flashAttnVarlenKvpackedFunc(rows, made(6, 2, 2, 4), { ...varlen, cuSeqlensK: [0, 1, 2, 6] }), error('SHAPE', 'cuSeqlensK: expected 3')],
  ['left padding', () => compat.flashAttnWithKvcache(bnhd, bnhd, bnhd, { cacheSeqlens: 1, cacheLeftpad: [2] }), error('INVALID_ARGUMENT', 'cacheLeftpad\\[0\\]: expected 0 to 1', 'got 2')],
  ['a seed where nothing is drawn', () => compat.flashAttnWithKvcache(bnhd, bnhd, bnhd, { seed: 1 } as object), error('INVALID_ARGUMENT', 'seed: no such option')],
  ['new keys and no lengths', () => compat.flashAttnWithKvcache(bnhd, bnhd, bnhd, { k: bnhd, v: bnhd }), error('INVALID_ARGUMENT', 'cacheSeqlens: ')],
  ['a cache of another head size', () => compat.flashAttnWithKvcache(bnhd, made(1, 8, 2, 8), made(1, 8, 2, 8)), error('SHAPE', 'kCache: ')],
  ['a cache of bytes', () => compat.flashAttnWithKvcache(bnhd, flash.zeros([1, 8, 2, 4], { dtype: 'i8' }), bnhd), error('UNSUPPORTED', 'kCache: ', 'attentionWithKvCache')],
  ['sin without cos', () => compat.flashAttnWithKvcache(bnhd, bnhd, bnhd, { k: bnhd, v: bnhd, cacheSeqlens: 0, rotarySin: made(9, 2) }), error('INVALID_ARGUMENT', 'rotaryCos: ')],
];

const blocks = compat.BlockDiagonalMask.fromSeqlens([1, 2]);
// prettier-ignore
const ofXformers: Refusal[] = [
  ['an operator', () => mea(bnhd, bnhd, bnhd, { op: {} }), error('UNSUPPORTED', 'op: ')],
  ['another outputDtype', () => mea(bnhd, bnhd, bnhd, { outputDtype: 'f16' }), error('UNSUPPORTED', "outputDtype: expected 'f32'")],
  ['no bias', () => mea(bnhd, bnhd, bnhd, { attnBias: {} as flash.Tensor }), error('INVALID_ARGUMENT', 'attnBias: ')],
  ['a bias of another shape', () => mea(bnhd, bnhd, bnhd, { attnBias: made(1, 2, 3, 4) }), error('SHAPE', 'attnBias: ')],
  ['a boolean bias', () => mea(bnhd, bnhd, bnhd, { attnBias: flash.zeros([3, 3], { dtype: 'bool' }) }), error('DTYPE', 'attnBias: ')],
  ['p of 1', () => mea(bnhd, bnhd, bnhd, { p: 1 }), error('INVALID_ARGUMENT', 'p: ')],
  ['fewer heads of k', () => mea(bnhd, made(1, 3, 1, 4), made(1, 3, 1, 4)), error('SHAPE', 'k: expected shape \\(1,3,2,4\\)')],
  ['two axes', () => mea(made(3, 4), made(3, 4), made(3, 4)), error('SHAPE', 'q: expected axes')],
  ['blocks with a batch', () => mea(made(2, 3, 2, 4), made(2, 3, 2, 4), made(2, 3, 2, 4), { attnBias: blocks }), error('SHAPE', 'q: expected batch 1')],
  ['blocks of another total', () => mea(made(1, 4, 2, 4), bnhd, bnhd, { attnBias: blocks }), error('INVALID_ARGUMENT', 'attnBias: ', '4')],
];

describe('arguments of other libraries', () => {
  test.each([...ofTorch, ...ofFlashAttn, ...ofXformers])('refuses %s', async (_, call, expected) => {
    await expect(call()).rejects.toEqual(expected);
  });

  test('bias classes refuse what they cannot mean', () => {
    const { BlockDiagonalMask, LocalAttentionFromBottomRightMask } = compat;
    expect(() => BlockDiagonalMask.fromSeqlens([1, -2])).toThrow(
      error('INVALID_ARGUMENT', 'qSeqlen\\[1\\]: ') as Error,
    );
    expect(() => BlockDiagonalMask.fromSeqlens([])).toThrow(error('INVALID_ARGUMENT', 'qSeqlen: ') as Error);
    expect(() => BlockDiagonalMask.fromSeqlens([1], [1, 2])).toThrow(error('INVALID_ARGUMENT', 'kvSeqlen: ') as Error);
    expect(() => new LocalAttentionFromBottomRightMask(-1, 0)).toThrow(
      error('INVALID_ARGUMENT', 'windowLeft: ') as Error,
    );
  });

  test('blocks become causal', () => {
    const given = compat.BlockDiagonalMask.fromSeqlens([2, 1], [3, 4]);
    for (const causal of [given.makeCausal(), given.makeCausalFromBottomright()]) {
      expect(causal).toMatchObject({ cuSeqlensQ: [0, 2, 3], cuSeqlensK: [0, 3, 7] });
    }
    expect(given.makeCausal()).toBeInstanceOf(compat.BlockDiagonalCausalMask);
    expect(given.makeCausalFromBottomright()).toBeInstanceOf(compat.BlockDiagonalCausalFromBottomRightMask);
  });

  test('null is None', async () => {
    const none = { attnMask: null, dropoutP: null, isCausal: null, scale: null, enableGqa: null, seed: null };
    const [a, b] = await Promise.all([sdpa(q, k, k, { ...none, ...reference }), sdpa(q, k, k, reference)]);
    expect(await a.out.data()).toEqual(await b.out.data());
  });

  test('arguments that change nothing here are taken', async () => {
    const plain = await compat.flashAttnFunc(bnhd, bnhd, bnhd, reference);
    const same = {
      deterministic: true,
      returnAttnProbs: true,
      softcap: -1,
      windowSize: [-1, -1],
      alibiSlopes: null,
    } as const;
    const again = await compat.flashAttnFunc(bnhd, bnhd, bnhd, { ...same, ...reference });
    expect(await again.out.data()).toEqual(await plain.out.data());
    const third = await mea(bnhd, bnhd, bnhd, { outputDtype: 'f32', op: null, ...reference });
    expect(await third.out.data()).toEqual(await plain.out.data());
  });

  test('the seed of dropout is told', async () => {
    const { seed } = await sdpa(q, k, k, { dropoutP: 0.5, ...reference });
    expect(Number.isInteger(seed)).toBe(true);
  });

  test('the gradient of out must have its shape, not that of the call beneath', async () => {
    const { backward } = await sdpa(made(3, 4), made(3, 4), made(3, 4), reference);
    await expect(backward(made(1, 1, 3, 4))).rejects.toEqual(error('SHAPE', 'dout: expected shape \\(3,4\\)'));
  });
});

onEachAdapter('calls in other shapes', () => {
  test('free their memory', async () => {
    const [x, dout] = [made(3, 4), made(3, 4)];
    const tidied = (): Promise<void> =>
      flash.tidy(async () => {
        const { backward } = await sdpa(x, x, x, {});
        await backward(dout);
      });
    const inputs = 2 * 48;
    expect(await leftBehind(tidied)).toBe(inputs);
    const disposed = async (): Promise<void> => {
      const result = await flash.tidy(async () => sdpa(x, x, x, {}));
      const { dq, dk, dv } = await result.backward(dout);
      for (const t of [dq, dk, dv]) t.dispose();
      result.dispose();
      // A call that fails keeps nothing either.
      const failed = sdpa(x, x, x, { tiles: { br: 1024, bc: 1024 } });
      await expect(failed).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    };
    expect(await leftBehind(disposed)).toBe(0);
    const [y, dy] = [made(3, 4), made(3, 4)];
    const all = async (): Promise<void> => {
      (await (await sdpa(y, y, y, {})).backward(dy)).dq.dispose();
      for (const t of [y, dy]) t.dispose();
    };
    expect(await leftBehind(() => flash.tidy(all))).toBe(0);
  });
});
