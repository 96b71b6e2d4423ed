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
  /** Of which of them kernels write each element before they read it, whatever the problem: these may begin with anything, the others are zeros. */
  readonly written?: readonly string[];
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
export const runPlan = (
  device: FlashDevice,
  plan: Plan,
  inputs: Readonly<Record<string, GPUBuffer>>,
  options: RunOptions,
): Promise<PlanResult> => device.withRoom(() => tryPlan(device, plan, inputs, options));

async function tryPlan(
  device: FlashDevice,
  plan: Plan,
  inputs: Readonly<Record<string, GPUBuffer>>,
  options: RunOptions,
): Promise<PlanResult> {
  const outputs: Record<string, GPUBuffer> = {};
  const scratch: Record<string, GPUBuffer> = {};
  const zeroed: GPUBuffer[] = [];
  let ok = false;
  try {
    const answers: Promise<void>[] = [];
    const make = (into: Record<string, GPUBuffer>, name: string, bytes: number, usage?: number): void => {
      const kept = device.reuse(bytes, name, usage);
      const { buffer, ready } = kept ? { buffer: kept, ready: null } : device.make(bytes, name, usage);
      into[name] = buffer;
      if (ready) answers.push(ready);
      // Behind the elements, kernels may count on zeros.
      else if (!usage && !(bytes % 16 === 0 && plan.written?.includes(name))) zeroed.push(buffer);
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
    const { steps, deviceBytes } = layOut(plan, [inputs, outputs, scratch]);
    // Nobody waits for the answers before the work is under way: a buffer that was refused makes the first submit fail, and then its
    // own error, which says more, is the one to tell.
    const { signal, onProgress } = options;
    const ran = await runSteps(device, steps, {
      signal,
      onProgress,
      results: Object.values(outputs),
      clear: zeroed,
    }).catch((error: unknown) => ({ error }));
    await Promise.all(answers);
    if ('error' in ran) throw ran.error;
    ok = true;
    return { outputs, deviceBytes, ...ran };
  } finally {
    if (ok) Object.values(scratch).forEach((buffer) => device.free(buffer));
    else Object.values({ ...outputs, ...scratch }).forEach((buffer) => device.discard(buffer));
  }
}

/** What a plan does with certain buffers. */
interface Layout {
  readonly buffers: Readonly<Record<string, GPUBuffer>>;
  readonly steps: Step[];
  readonly deviceBytes: number;
}

/** The last one of each plan: a call that is repeated often gets the same buffers. */
const layouts = new WeakMap<Plan, Layout>();

function layOut(plan: Plan, parts: readonly Readonly<Record<string, GPUBuffer>>[]): Layout {
  const last = layouts.get(plan);
  if (last && parts.every((part) => Object.keys(part).every((name) => part[name] === last.buffers[name]))) return last;
  const buffers: Record<string, GPUBuffer> = Object.assign({}, ...parts);
  // The same tensor may come in twice, as k and v for instance.
  const deviceBytes = [...new Set(Object.values(buffers))].reduce((sum, buffer) => sum + buffer.size, 0);
  const layout = { buffers, steps: plan.steps(buffers), deviceBytes };
  layouts.set(plan, layout);
  return layout;
}
