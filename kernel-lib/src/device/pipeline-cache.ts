import { FlashError } from '../api/errors';
import type { FlashDevice } from './device';
import { dozing } from './doze';
import { COMPUTE_STAGE } from './gpu-constants';
import { keepAlive } from './keep-alive';

/** A generated kernel: WGSL text with an entry point `main`, Params at binding 0 and the other buffers at 1, 2, … */
export interface Kernel {
  /** Name for errors and profiles, such as 'flash2 forward'. */
  readonly label: string;
  readonly code: string;
  /** How each of them is bound, in the order of the bindings. */
  readonly access: readonly ('read' | 'read_write' | 'uniform')[];
}

export interface Pipeline {
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
}

const BINDING_TYPES = { read: 'read-only-storage', read_write: 'storage', uniform: 'uniform' } as const;

interface Cache {
  readonly byText: Map<string, Promise<Pipeline>>;
  /** The same by the kernel itself, whose text is long to compare; see kernels/made-once.ts. */
  readonly byKernel: WeakMap<Kernel, Promise<Pipeline>>;
  /** Those that are there, so that nobody has to wait for a promise. */
  readonly ready: WeakMap<Kernel, Pipeline>;
}

const caches = new WeakMap<FlashDevice, Cache>();

/** The kernels compiled, if they are already. */
export function compiled(device: FlashDevice, kernels: readonly Kernel[]): Pipeline[] | null {
  const ready = caches.get(device)?.ready;
  const found = ready ? kernels.flatMap((kernel) => ready.get(kernel) ?? []) : [];
  return found.length === kernels.length ? found : null;
}

/** A driver on the CPU compiles on all cores if nobody asks all the time whether it is done; whoever aborts leaves it to itself. */
export const compileAll = (
  device: FlashDevice,
  kernels: readonly Kernel[],
  signal?: AbortSignal,
): Promise<Pipeline[]> => dozing(device, Promise.all(kernels.map((kernel) => pipelineFor(device, kernel))), 0, signal);

/** The compiled kernel; each text is compiled once per device. */
export function pipelineFor(device: FlashDevice, kernel: Kernel): Promise<Pipeline> {
  const cache: Cache = caches.get(device) ?? { byText: new Map(), byKernel: new WeakMap(), ready: new WeakMap() };
  caches.set(device, cache);
  const { byText, byKernel, ready } = cache;
  const known = byKernel.get(kernel);
  if (known) return known;
  const key = `${kernel.access.join()}\n${kernel.code}`;
  const pipeline = byText.get(key) ?? compile(device, kernel);
  byText.set(key, pipeline);
  byKernel.set(kernel, pipeline);
  pipeline.then(
    (made: Pipeline) => ready.set(kernel, made),
    // A failure may pass (memory), so it is not remembered.
    () => {
      byText.delete(key);
      byKernel.delete(kernel);
    },
  );
  return pipeline;
}

async function compile(device: FlashDevice, { label, code, access }: Kernel): Promise<Pipeline> {
  const { gpu, facts } = device;
  const storage = access.filter((mode) => mode !== 'uniform').length;
  if (storage > facts.maxStorageBuffers) {
    throw new FlashError(
      'UNSUPPORTED',
      `${label}: expected at most ${facts.maxStorageBuffers} tensors in one kernel, the limit of this device, got ` +
        `${storage}. Fold the mask into the bias${label.startsWith('flash1') ? ", or take algorithm 'flash2'" : ''}.`,
    );
  }
  const made = await device.checked(`compile ${label}`, () => {
    const layout = gpu.createBindGroupLayout({
      label,
      entries: [
        { binding: 0, visibility: COMPUTE_STAGE, buffer: { type: 'uniform' } },
        ...access.map((mode, i) => ({
          binding: i + 1,
          visibility: COMPUTE_STAGE,
          buffer: { type: BINDING_TYPES[mode] },
        })),
      ],
    });
    const pipeline = gpu.createComputePipelineAsync({
      label,
      layout: gpu.createPipelineLayout({ bindGroupLayouts: [layout] }),
      compute: { module: gpu.createShaderModule({ code, label }), entryPoint: 'main' },
    });
    // Awaited below; a rejection before that must not count as unhandled.
    pipeline.catch(() => undefined);
    return { layout, pipeline };
  });
  try {
    return { layout: made.layout, pipeline: await device.guard(keepAlive(made.pipeline)) };
  } catch (error) {
    if (error instanceof FlashError) throw error;
    throw new FlashError('UNSUPPORTED', `compile ${label}: ${(error as Error).message}`, { cause: error });
  }
}
