import type { FlashDevice } from './device';
import { UNIFORM } from './gpu-constants';
import { runSteps, type RunOptions, type RunStats, type Step } from './dispatch';

/** Tiles of the score matrix. */
export interface TileInfo {
  /** Queries and keys of a tile. */
  readonly br: number;
  readonly bc: number;
  /** Tiles computed, of all there are; the others are emptied by the mask. */
  readonly visited: number;
  readonly total: number;
}

/** What to do on a device, decided without touching it: which buffers are needed and which kernels run over them. */
export interface Plan {
  /** What runs, for people: algorithm, pass and why this variant. */
  readonly path: string;
  readonly tiles: TileInfo | null;
  /** Bytes of the buffers to make, by name: those that are kept and those that are freed when the plan has run. */
  readonly outputs: Readonly<Record<string, number>>;
  readonly scratch: Readonly<Record<string, number>>;
  /** Small scratch buffers that begin with these words; a kernel may bind them as uniforms. */
  readonly uploads?: Readonly<Record<string, Uint32Array>>;
  steps(buffers: Readonly<Record<string, GPUBuffer>>): Step[];
}

export interface PlanResult extends RunStats {
  readonly outputs: Readonly<Record<string, GPUBuffer>>;
  /** Bytes of all buffers that took part: inputs, outputs and scratch. */
  readonly deviceBytes: number;
}

/** Runs a plan over its input buffers. Whatever goes wrong, nothing that it allocated stays. */
export async function runPlan(
  device: FlashDevice,
  plan: Plan,
  inputs: Readonly<Record<string, GPUBuffer>>,
  options: RunOptions,
): Promise<PlanResult> {
  const outputs: Record<string, GPUBuffer> = {};
  const scratch: Record<string, GPUBuffer> = {};
  const free = (buffers: Record<string, GPUBuffer>): void => Object.values(buffers).forEach((b) => device.free(b));
  try {
    const answers: Promise<void>[] = [];
    const make = (into: Record<string, GPUBuffer>, name: string, bytes: number, usage?: number): void => {
      const { buffer, ready } = device.make(bytes, name, usage);
      into[name] = buffer;
      answers.push(ready);
    };
    const uploads = Object.entries(plan.uploads ?? {});
    for (const [name, bytes] of Object.entries(plan.outputs)) make(outputs, name, bytes);
    for (const [name, bytes] of Object.entries(plan.scratch)) make(scratch, name, bytes);
    for (const [name, { byteLength }] of uploads) make(scratch, name, byteLength, UNIFORM);
    if (uploads.length > 0) {
      const write = (): void => {
        for (const [name, { buffer, byteOffset, byteLength }] of uploads) {
          device.gpu.queue.writeBuffer(scratch[name], 0, buffer, byteOffset, byteLength);
        }
      };
      answers.push(device.recorded('uploads', write).ready);
    }
    const buffers = { ...inputs, ...outputs, ...scratch };
    // Nobody waits for the answers before the work is under way: a buffer that was refused makes the first submit fail, and then its
    // own error, which says more, is the one to tell.
    const [allocated, ran] = await Promise.all([
      Promise.allSettled(answers),
      runSteps(device, plan.steps(buffers), { ...options, results: Object.values(outputs) }).catch(
        (error: unknown) => ({ error }),
      ),
    ]);
    const refused = allocated.find((one) => one.status === 'rejected');
    if (refused) throw refused.reason;
    if ('error' in ran) throw ran.error;
    // The same tensor may come in twice, as k and v for instance.
    const deviceBytes = [...new Set(Object.values(buffers))].reduce((sum, buffer) => sum + buffer.size, 0);
    return { ...ran, outputs, deviceBytes };
  } catch (error) {
    free(outputs);
    throw error;
  } finally {
    free(scratch);
  }
}
