import { defaultDevice } from '../src/device/default-device';
import * as flash from '../src/node';
import { onEachAdapter } from './support/devices';

describe('reshape', () => {
  const t = flash.tensor([1, 2, 3, 4, 5, 6], [2, 3]);

  test.each<[number[], number[]]>([
    [[6], [6]],
    [
      [3, 2],
      [3, 2],
    ],
    [[-1], [6]],
    [
      [1, 3, -1],
      [1, 3, 2],
    ],
    [
      [6, -1],
      [6, 1],
    ],
  ])('%j', async (shape, expected) => {
    const view = t.reshape(shape);
    expect(view.shape).toEqual(expected);
    expect([...(await view.data())]).toEqual([1, 2, 3, 4, 5, 6]);
  });

  test('keeps the dtype, and an empty tensor', () => {
    expect(flash.zeros([4], { dtype: 'bool' }).reshape([2, 2]).dtype).toBe('bool');
    expect(flash.zeros([0, 3]).reshape([3, 0]).shape).toEqual([3, 0]);
    expect(flash.zeros([0, 3]).reshape([3, -1]).shape).toEqual([3, 0]);
  });

  test.each<[unknown]>([[[5]], [[4, -1]], [[-1, -1]], [[-1, 0]], [[2.5, 2.4]], [[-2, -3]], ['6'], [undefined]])(
    'refuses %j',
    (shape) => {
      expect(() => t.reshape(shape as number[])).toThrow(
        expect.objectContaining({ code: 'SHAPE', message: expect.stringContaining('6 elements of (2,3)') }),
      );
    },
  );

  test('refuses a tensor that was disposed', () => {
    const gone = flash.zeros([2]);
    gone.dispose();
    expect(() => gone.reshape([2, 1])).toThrow(expect.objectContaining({ code: 'DISPOSED' }));
  });

  test('each of the two is disposed of by itself', async () => {
    const whole = flash.tensor([1, 2], [2]);
    const view = whole.reshape([2, 1]);
    whole.dispose();
    expect([...(await view.data())]).toEqual([1, 2]);
    expect(() => view.reshape([2])).not.toThrow();
    view.dispose();
    await expect(view.data()).rejects.toMatchObject({ code: 'DISPOSED' });
  });
});

onEachAdapter('reshape', () => {
  test('shares memory of the device, which is freed with the last of its tensors', async () => {
    const device = await defaultDevice();
    const x = flash.randn([1, 1, 4, 4], { seed: 1 });
    const { out, lse } = await flash.attention(x, x, x, { algorithm: 'naive' });
    const bytes = device.bytes;
    const view = out.reshape([16]);
    expect(device.bytes).toBe(bytes);
    expect(await view.data()).toEqual(await out.data());
    out.dispose();
    expect(device.bytes).toBe(bytes);
    view.dispose();
    expect(device.bytes).toBe(bytes - 64);
    lse.dispose();
  });
});
