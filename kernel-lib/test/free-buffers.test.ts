import { attention, randn, type Tensor } from '../src';
import { defaultDevice } from '../src/device/default-device';
import { freeBuffers, isOnHost } from '../src/tensor/storage';
import { onEachAdapter } from './support/devices';

onEachAdapter('buffers that are freed on request', () => {
  const one = (seed: number): Tensor => randn([1, 2, 33, 8], { seed });
  const inputs = (): [Tensor, Tensor, Tensor] => [one(1), one(2), one(3)];

  test('a tensor that is on the host loses its copy on the device only', async () => {
    const [q, k, v] = inputs();
    const before = await (await attention(q, k, v)).out.data();
    const device = await defaultDevice();
    const bytes = q.buffer!.size;
    expect(isOnHost(q.buffer!)).toBe(true);
    expect(await freeBuffers(device, [q.buffer!], { lose: false })).toBe(bytes);
    expect(device.kept.bytes).toBe(0);
    expect([q.buffer, q.disposed]).toEqual([null, false]);
    expect(await (await attention(q, k, v)).out.data()).toEqual(before);
  });

  test('a result stays unless it may be lost; then it is as if disposed of', async () => {
    const { out } = await attention(...inputs());
    const device = await defaultDevice();
    expect(isOnHost(out.buffer!)).toBe(false);
    expect(await freeBuffers(device, [out.buffer!], { lose: false })).toBe(0);
    expect((await out.data()).length).toBe(2 * 33 * 8);
    expect(await freeBuffers(device, [out.buffer!], { lose: true })).toBeGreaterThan(0);
    expect(out.disposed).toBe(true);
    await expect(out.data()).rejects.toMatchObject({ code: 'DISPOSED' });
    await expect(attention(out, out, out)).rejects.toMatchObject({ code: 'DISPOSED' });
    expect(() => out.reshape([-1])).toThrow('was disposed');
    out.dispose();
  });

  test('it takes its turn between calls, and buffers of no tensor stay', async () => {
    const [q, k, v] = inputs();
    const device = await defaultDevice();
    const scratch = await device.allocate(64, 'mine');
    const expected = await (await attention(q, k, v)).out.data();
    const first = attention(q, k, v);
    const freed = freeBuffers(device, [q.buffer!, k.buffer!, v.buffer!, scratch], { lose: false });
    const second = attention(q, k, v);
    expect(await freed).toBeGreaterThanOrEqual(3 * q.bytes);
    expect(await (await first).out.data()).toEqual(expected);
    expect(await (await second).out.data()).toEqual(expected);
    // Still there: a buffer that was destroyed could not be read.
    expect((await device.read(scratch, 64)).byteLength).toBe(64);
    device.free(scratch);
  });

  test('data that waits in the queue behind it says so', async () => {
    const { out } = await attention(...inputs());
    const device = await defaultDevice();
    const freed = freeBuffers(device, [out.buffer!], { lose: true });
    await expect(out.data()).rejects.toMatchObject({ code: 'DISPOSED' });
    await freed;
  });
});
