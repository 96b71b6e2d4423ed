import { defaultDevice } from '../../src/device/default-device';
import type { FlashDevice } from '../../src/device/device';

/**
 * From now on, whatever a call makes seems to come from an earlier one, full of NaN, whatever type it is read as: what counts on zeros
 * must ask for them.
 * @returns what makes the device an ordinary one again
 */
export function spoilBuffers(device: FlashDevice): () => void {
  const { reuse } = device;
  const spoilt: typeof reuse = (bytes, label, usage) => {
    const { buffer } = device.make(bytes, label, usage);
    device.gpu.queue.writeBuffer(buffer, 0, new Uint8Array(buffer.size).fill(0xff));
    return buffer;
  };
  Object.assign(device, { reuse: spoilt });
  return () => void Object.assign(device, { reuse });
}

/** The same for the tests of a suite. */
export function withSpoiltBuffers(): void {
  let stop: () => void;
  beforeAll(async () => {
    stop = spoilBuffers(await defaultDevice());
  });
  afterAll(() => stop());
}
