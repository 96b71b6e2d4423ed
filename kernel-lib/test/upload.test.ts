import { defaultDevice } from '../src/device/default-device';
import type { FlashDevice } from '../src/device/device';
import { MAP_WRITE } from '../src/device/gpu-constants';
import { upload } from '../src/device/upload';
import { onEachAdapter } from './support/devices';
import { watch } from './support/faulty-device';

// Data on its way to the device, whole or in pieces, which are used again and again.

const MiB = 2 ** 20;

/** Bytes that differ from place to place, also from piece to piece. */
function numbered(bytes: number, seed = 0): Uint8Array {
  const data = new Uint8Array(bytes);
  for (let n = 0; n < bytes; n++) data[n] = n * 7 + (n >> 8) * 13 + (n >> 20) * 31 + seed;
  return data;
}

onEachAdapter('upload', () => {
  let device: FlashDevice;
  beforeAll(async () => (device = await defaultDevice()));

  async function thereAndBack(...all: ArrayBufferView[]): Promise<Uint8Array> {
    const buffer = await device.allocate(all[0].byteLength, 'upload');
    for (const data of all) await upload(device, buffer, data);
    const back = new Uint8Array(await device.read(buffer, buffer.size));
    device.free(buffer);
    return back;
  }

  test.each([1, 3, MiB, MiB + 1, 4 * MiB, 4 * MiB + 2, 8 * MiB + 7, 40 * MiB + 1])(
    '%i bytes, and zeros behind them',
    async (bytes) => {
      device.kept.destroy();
      // The second goes through pieces that are full of the first.
      for (const seed of [5, 9]) {
        const data = numbered(bytes, seed);
        const back = await thereAndBack(data);
        expect(Buffer.compare(back.subarray(0, bytes), data)).toBe(0);
        expect(back.subarray(bytes).every((byte) => byte === 0)).toBe(true);
      }
    },
  );

  test('a part of an array', async () => {
    const data = numbered(9 * MiB);
    const part = data.subarray(12, 5 * MiB + 1);
    expect(Buffer.compare((await thereAndBack(part)).subarray(0, part.length), part)).toBe(0);
  });

  test('what is written later stays', async () => {
    const all = [1, 2, 3].map((seed) => numbered(20 * MiB, seed));
    expect(Buffer.compare(await thereAndBack(...all), all[2])).toBe(0);
  });

  test('without memory for pieces, the queue brings the rest', async () => {
    device.kept.destroy();
    const data = numbered(13 * MiB);
    const buffer = await device.allocate(data.length, 'upload');
    const watched = watch(device);
    try {
      for (const failing of [1, 2]) {
        watched.failNext(failing, ({ usage }) => (usage & MAP_WRITE) !== 0);
        await upload(device, buffer, data);
        expect(watched.made).toBe(failing);
        const back = new Uint8Array(await device.read(buffer, data.length));
        expect(Buffer.compare(back, data)).toBe(0);
        device.kept.destroy();
      }
    } finally {
      watched.stop();
      device.free(buffer);
    }
  });
});
