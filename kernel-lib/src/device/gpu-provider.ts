import { FlashError } from '../api/errors';

/** Which adapters may be taken: any (hardware first), only real GPUs, or only drivers that run on the CPU. */
export type AdapterPreference = 'auto' | 'hardware' | 'software';

/** An adapter together with why it was taken. */
export interface AdapterChoice {
  readonly adapter: GPUAdapter;
  readonly kind: 'hardware' | 'software';
  /** Short name of the driver, such as 'lavapipe', 'swiftshader', 'nvidia'. */
  readonly driver: string;
  /** One sentence: why this adapter. */
  readonly reason: string;
  /** Whether kernels for matrix units are used; 'auto', the default, means on real GPUs and for f16. */
  readonly matrices?: 'auto' | 'on' | 'off';
  /** The GPU object that made it: in Node it must stay referenced as long as work lives. */
  readonly gpu: GPU;
}

export type GpuProvider = (preference: AdapterPreference) => Promise<AdapterChoice>;

/** Short driver name out of what an adapter tells of itself. */
export function driverName(info: GPUAdapterInfo): string {
  const text = `${info.vendor} ${info.architecture} ${info.device} ${info.description}`.toLowerCase();
  if (text.includes('swiftshader')) return 'swiftshader';
  if (text.includes('llvmpipe')) return 'lavapipe';
  return info.vendor || 'unknown';
}

/** Whether the adapter runs on the CPU. Older browsers do not tell through isFallbackAdapter, so the name counts too. */
export function isSoftware(info: GPUAdapterInfo): boolean {
  return info.isFallbackAdapter === true || ['swiftshader', 'lavapipe'].includes(driverName(info));
}

async function fromNavigator(preference: AdapterPreference): Promise<AdapterChoice> {
  const gpu = (globalThis as { navigator?: { gpu?: GPU } }).navigator?.gpu;
  if (!gpu) {
    throw new FlashError(
      'NO_ADAPTER',
      'No WebGPU: this page has no navigator.gpu. Use a browser with WebGPU switched on, over https or localhost.',
    );
  }
  const adapter =
    preference === 'software'
      ? await gpu.requestAdapter({ forceFallbackAdapter: true })
      : await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter || (preference === 'hardware' && isSoftware(adapter.info))) {
    throw new FlashError('NO_ADAPTER', `No WebGPU adapter: navigator.gpu has none of the kind '${preference}'.`);
  }
  return {
    adapter,
    gpu,
    kind: isSoftware(adapter.info) ? 'software' : 'hardware',
    driver: driverName(adapter.info),
    reason: 'the browser chose it (navigator.gpu)',
  };
}

let provider: GpuProvider = fromNavigator;

/** Node hands in its own source of adapters here; without one, navigator.gpu is asked. */
export function setGpuProvider(next: GpuProvider): void {
  provider = next;
}

export const requestAdapter = (preference: AdapterPreference): Promise<AdapterChoice> => provider(preference);
