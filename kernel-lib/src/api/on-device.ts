import { abortable, signalOf } from '../device/abort';
import { defaultDevice } from '../device/default-device';
import type { DeviceFacts, FlashDevice } from '../device/device';
import type { RunOptions } from '../device/dispatch';
import { type Plan, runPlan, type TileInfo } from '../device/plan';
import type { Tensor, TensorUse } from '../tensor/tensor';

/** What a call did. */
export interface AttentionInfo {
  /** What ran: algorithm, pass, tiles and on what kind of device. */
  readonly path: string;
  /** Tiles of the score matrix; null where there are none ('naive', 'reference'). The backward tells those of dq. */
  readonly tiles: TileInfo | null;
  /** Kernel launches. */
  readonly dispatches: number;
  /** Bytes of all device buffers that took part: inputs, outputs and scratch. */
  readonly deviceBytes: number;
  /** Milliseconds on the GPU's own clock, null where the device has no timestamps. */
  readonly gpuMs: number | null;
}

/** Output buffers of a plan, not yet tensors. */
export interface Made {
  readonly device: FlashDevice;
  readonly outputs: Readonly<Record<string, GPUBuffer>>;
  readonly info: AttentionInfo;
}

export interface OnDeviceOptions extends RunOptions {
  /** Names of the tensors that the plan writes into. */
  readonly writes?: readonly string[];
  /** What the choice may rely on, where that is more than the device's facts. */
  readonly facts?: (device: FlashDevice) => Promise<DeviceFacts>;
  /** What the caller knows tensors as, for errors, where that is not their name in the plan. */
  readonly names?: Readonly<Record<string, string>>;
}

/** Plans and runs on the default device, in call order, with the tensors kept alive meanwhile. */
export async function onDevice(
  tensors: Readonly<Record<string, Tensor>>,
  choose: (facts: DeviceFacts) => Plan,
  options: OnDeviceOptions,
): Promise<Made> {
  const { writes = [], names = {} } = options;
  const signal = signalOf(options);
  signal?.throwIfAborted();
  const uses = Object.entries(tensors).map(([name, t]): [string, TensorUse] => [name, t.use(names[name] ?? name)]);
  let begun = false;
  const work = async (): Promise<Made> => {
    const device = await defaultDevice();
    return device.enqueue(async () => {
      const plan = choose(options.facts ? await options.facts(device) : device.facts);
      signal?.throwIfAborted();
      begun = true;
      const inputs: Record<string, GPUBuffer> = {};
      for (const [name, use] of uses) {
        inputs[name] = await (writes.includes(name) ? use.writable(device, signal) : use.on(device, signal));
      }
      const { outputs, dispatches, deviceBytes, gpuMs } = await runPlan(device, plan, inputs, {
        signal,
        onProgress: options.onProgress,
      });
      return { device, outputs, info: { path: plan.path, tiles: plan.tiles, dispatches, deviceBytes, gpuMs } };
    });
  };
  const working = work();
  for (const [name, use] of uses) if (writes.includes(name)) use.willWrite(working);
  const made = working.finally(() => uses.forEach(([, use]) => use.release()));
  // Once begun, the work itself looks at the signal and frees what it made before it rejects.
  return abortable(made, signal, () => !begun);
}
