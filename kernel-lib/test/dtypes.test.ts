import type { FlashDevice } from '../src/device/device';
import { defaultDevice } from '../src/device/default-device';
import * as flash from '../src/node';
import { fromFloat16Bits, toFloat16Bits } from '../src/tensor/float16';
import { fromBuffer } from '../src/tensor/tensor';
import { onEachAdapter } from './support/devices';

/** The value of float16 bits, written out from the definition of the format. */
function valueOf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const mantissa = bits & 1023;
  if (exponent === 31) return mantissa ? NaN : sign * Infinity;
  return sign * (exponent ? (1 + mantissa / 1024) * 2 ** (exponent - 15) : (mantissa / 1024) * 2 ** -14);
}

const ALL_BITS = Uint16Array.from({ length: 2 ** 16 }, (_, bits) => bits);
const isNaN16 = (bits: number): boolean => (bits & 0x7fff) > 0x7c00;

describe('float16', () => {
  test('every bit pattern stands for the number that the format says, and comes back', () => {
    const numbers = fromFloat16Bits(ALL_BITS);
    expect(numbers).toEqual(Float32Array.from(ALL_BITS, valueOf));
    const back = toFloat16Bits(numbers);
    expect(ALL_BITS.filter((bits) => (isNaN16(bits) ? !isNaN16(back[bits]) : back[bits] !== bits))).toHaveLength(0);
  });

  test('numbers between two neighbours go to the nearer one, those in the middle to the even one', () => {
    // Up to the largest finite number; the next step would be 65536.
    for (const sign of [1, -1]) {
      const signBit = sign < 0 ? 0x8000 : 0;
      const low = Array.from({ length: 0x7c00 }, (_, bits) => bits);
      const middles = low.map((bits) => sign * ((valueOf(bits) + (bits === 0x7bff ? 65536 : valueOf(bits + 1))) / 2));
      const nearer = (by: number): number[] => middles.map((middle) => middle * (1 + by));
      const expected = (add: (bits: number) => number): Uint16Array =>
        Uint16Array.from(low, (bits) => signBit | (bits + add(bits)));
      expect(toFloat16Bits(middles)).toEqual(expected((bits) => bits & 1));
      expect(toFloat16Bits(Float32Array.from(middles))).toEqual(expected((bits) => bits & 1));
      expect(toFloat16Bits(Float32Array.from(nearer(-(2 ** -23))))).toEqual(expected(() => 0));
      expect(toFloat16Bits(Float32Array.from(nearer(2 ** -23)))).toEqual(expected(() => 1));
      // Both the next float32 and what only a float64 tells apart.
      for (const by of [2 ** -23, 2 ** -50]) {
        expect(toFloat16Bits(nearer(-by))).toEqual(expected(() => 0));
        expect(toFloat16Bits(nearer(by))).toEqual(expected(() => 1));
      }
    }
    const extremes = [0, -0, 1e300, -1e300, 1e-300, -Infinity, -1e-45];
    const bits = [0, 0x8000, 0x7c00, 0xfc00, 0, 0xfc00, 0x8000];
    expect([...toFloat16Bits(extremes)]).toEqual(bits);
    expect([...toFloat16Bits(Float32Array.from(extremes))]).toEqual(bits);
  });
});

const values = async (...args: Parameters<typeof flash.tensor>): Promise<number[]> => [
  ...(await flash.tensor(...args).data()),
];

describe('tensors of other types', () => {
  test.each<[string, Parameters<typeof flash.tensor>, number[], number]>([
    ['f16 of numbers', [[1, 0.1, -70000], [3], { dtype: 'f16' }], [1, 0.0999755859375, -Infinity], 6],
    ['f16 of a float64 array', [Float64Array.of(2 ** -24, 2 ** -26), [2], { dtype: 'f16' }], [2 ** -24, 0], 4],
    ['f16 of bits', [Uint16Array.of(0x3c00, 0xfc00, 1), [3], { dtype: 'f16' }], [1, -Infinity, 2 ** -24], 6],
    ['f32 of a Uint16Array', [Uint16Array.of(0x3c00, 1), [2]], [15360, 1], 8],
    ['bool of numbers', [[0, -0, 0.1, NaN, 256], [5], { dtype: 'bool' }], [0, 0, 1, 1, 1], 5],
    ['bool of booleans', [[true, false, true], [3], { dtype: 'bool' }], [1, 0, 1], 3],
    ['bool of a Uint16Array', [Uint16Array.of(0, 256), [2], { dtype: 'bool' }], [0, 1], 2],
    ['i8 of numbers', [[-128, 127, 0], [3, 1], { dtype: 'i8' }], [-128, 127, 0], 3],
    ['i8 of a Float32Array', [Float32Array.of(-1, 5), [2], { dtype: 'i8' }], [-1, 5], 2],
  ])('%s', async (_, args, expected, bytes) => {
    const t = flash.tensor(...args);
    expect([...(await t.data())]).toEqual(expected);
    expect(t.bytes).toBe(bytes);
    expect(t.dtype).toBe(args[2]?.dtype ?? 'f32');
  });

  test.each<[string, () => unknown, string, RegExp]>([
    [
      'i8 of a fraction',
      () => flash.tensor([1, 0.5], [2], { dtype: 'i8' }),
      'INVALID_ARGUMENT',
      /^data\[1\]: .*-128 to 127.*got 0.5/,
    ],
    ['i8 of 200', () => flash.tensor([200], [1], { dtype: 'i8' }), 'INVALID_ARGUMENT', /^data\[0\]: .*got 200/],
    [
      'i8 of NaN',
      () => flash.tensor(Float32Array.of(0, NaN), [2], { dtype: 'i8' }),
      'INVALID_ARGUMENT',
      /^data\[1\]: .*NaN/,
    ],
    [
      'i8 of booleans',
      () => flash.tensor([true], [1], { dtype: 'i8' }),
      'INVALID_ARGUMENT',
      /^data\[0\]: expected a number, got true/,
    ],
    [
      'f16 of booleans',
      () => flash.tensor([true], [1], { dtype: 'f16' }),
      'INVALID_ARGUMENT',
      /^data\[0\]: expected a number/,
    ],
    [
      'bool of text',
      () => flash.tensor(['no'] as never, [1], { dtype: 'bool' }),
      'INVALID_ARGUMENT',
      /^data\[0\]: expected true, false or a number, got 'no'/,
    ],
    ['a hole', () => flash.tensor(new Array<number>(2), [2]), 'INVALID_ARGUMENT', /^data\[0\]: .*undefined/],
    [
      'random booleans',
      () => flash.randn([1], { dtype: 'bool' as never }),
      'DTYPE',
      /^dtype: expected 'f32' or 'f16', got 'bool'/,
    ],
    [
      'a dtype that is none',
      () => flash.zeros([1], { dtype: 'f64' as never }),
      'DTYPE',
      /^dtype: expected 'f32' or 'f16' or 'bool' or 'i8', got 'f64'/,
    ],
  ])('refused: %s', (_, make, code, message) => {
    expect(make).toThrow(
      expect.objectContaining({ name: 'FlashError', code, message: expect.stringMatching(message) }),
    );
  });

  test('zeros of every type, and f16 random numbers are the rounded ones of f32', async () => {
    for (const dtype of ['f32', 'f16', 'bool', 'i8'] as const) {
      expect([...(await flash.zeros([3], { dtype }).data())]).toEqual([0, 0, 0]);
    }
    const exact = await flash.randn([999], { seed: 3 }).data();
    const rounded = await flash.randn([999], { seed: 3, dtype: 'f16' }).data();
    expect(rounded).toEqual(fromFloat16Bits(toFloat16Bits(exact)));
    expect(rounded).not.toEqual(exact);
  });

  test('data is copied at the call, and data() gives a copy', async () => {
    for (const source of [Uint16Array.of(0x3c00, 0x3c00, 0x3c00), Float32Array.of(1, 1, 1)]) {
      const t = flash.tensor(source, [3], { dtype: 'f16' });
      source[0] = 0;
      (await t.data())[1] = 9;
      expect([...(await t.data())]).toEqual([1, 1, 1]);
    }
  });

  test('a view into a larger buffer gives its own part', async () => {
    const bytes = Int8Array.of(9, 1, -2, 3, 9);
    expect(await values(bytes.subarray(1, 4), [3], { dtype: 'i8' })).toEqual([1, -2, 3]);
  });
});

/** The bytes of a tensor on the device, past its end to the next multiple of 4, too. */
async function bytesOnDevice(device: FlashDevice, t: flash.Tensor): Promise<number[]> {
  const use = t.use('t');
  try {
    const buffer = await use.on(device);
    return [...new Uint8Array(await device.read(buffer, Math.ceil(t.bytes / 4) * 4))];
  } finally {
    use.release();
  }
}

onEachAdapter('tensors of other types', () => {
  test('lie on the device as they are stored, odd tails included', async () => {
    const device = await defaultDevice();
    const of = (data: ArrayLike<number>, dtype: flash.DType): Promise<number[]> =>
      bytesOnDevice(device, flash.tensor(data, [data.length], { dtype }));
    expect(await of([1, -1, 2], 'f16')).toEqual([0, 0x3c, 0, 0xbc, 0, 0x40, 0, 0]);
    for (let n = 1; n <= 5; n++) {
      const padded = (value: number): number[] =>
        Array.from({ length: Math.ceil(n / 4) * 4 }, (_, i) => (i < n ? value : 0));
      expect(await of(new Array<number>(n).fill(7), 'bool')).toEqual(padded(1));
      expect(await of(new Array<number>(n).fill(-2), 'i8')).toEqual(padded(254));
    }
  });

  test('come back as numbers from the device', async () => {
    const device = await defaultDevice();
    const given: [flash.DType, number[]][] = [
      ['f16', [0.5, -Infinity, 2 ** -24]],
      ['bool', [1, 0, 1, 1, 1]],
      ['i8', [-128, 127, -1]],
    ];
    for (const [dtype, numbers] of given) {
      const buffer = await device.allocate(numbers.length * 2, dtype);
      const source = flash.tensor(numbers, [numbers.length], { dtype });
      const bytes = Uint8Array.from(await bytesOnDevice(device, source));
      device.gpu.queue.writeBuffer(buffer, 0, bytes);
      const t = fromBuffer(device, buffer, [numbers.length], dtype);
      expect([...(await t.data())]).toEqual(numbers);
      t.dispose();
    }
  });
});
