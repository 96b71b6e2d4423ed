import type { FlashDevice } from '../device/device';
import { type Plan, runPlan } from '../device/plan';
import { upload } from '../device/upload';
import { toNumbers, toStorage, viewStorage } from '../tensor/storage-array';

export type Arrays = Readonly<Record<string, ArrayLike<number>>>;

/**
 * Runs a plan over arrays; what it gives, as numbers. The caller must have the device's queue.
 * @param dtypeOf how each input and output is stored
 */
export async function runOnArrays(
  device: FlashDevice,
  plan: Plan,
  arrays: Arrays,
  dtypeOf: (name: string) => 'f32' | 'f16',
): Promise<Record<string, Float32Array>> {
  const buffers: Record<string, GPUBuffer> = {};
  try {
    for (const [name, numbers] of Object.entries(arrays)) {
      const storage = toStorage(numbers, dtypeOf(name), name);
      buffers[name] = await device.allocate(storage.byteLength, `proof ${name}`);
      await upload(device, buffers[name], storage);
    }
    const { outputs } = await runPlan(device, plan, buffers, {});
    Object.assign(buffers, outputs);
    const got: Record<string, Float32Array> = {};
    for (const [name, bytes] of Object.entries(plan.outputs)) {
      got[name] = toNumbers(viewStorage(await device.read(outputs[name], bytes), dtypeOf(name)));
    }
    return got;
  } finally {
    for (const buffer of Object.values(buffers)) device.free(buffer);
  }
}
