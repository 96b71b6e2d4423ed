import { FlashError } from '../api/errors';
import { type AdapterChoice, type AdapterPreference, driverName, isSoftware } from '../device/gpu-provider';
import { ADAPTER_NAMES, type AdapterName } from './adapter-names';
import { offerSwiftShader } from './swiftshader';

/** One way that was tried, for the doctor and for the error when all fail. */
export interface Attempt {
  readonly name: Exclude<AdapterName, 'auto'>;
  /** Why it was not taken, and what would help. */
  readonly why: string;
}

/** Dawn's features to leave out: of every adapter, so that timestamps are exact and no multiples of 0.1 ms. */
const WITHOUT = ['timestamp_quantization'];

/**
 * Of SwiftShader too: its way to zero workgroup memory compiles into code for each element, 5 ms a vec4; without it, Dawn writes a
 * loop into the kernel, and what took 10 s to compile takes half of one. Elsewhere it is the faster way.
 */
const WITHOUT_ON_SWIFTSHADER = [...WITHOUT, 'use_vulkan_zero_initialize_workgroup_memory_extension'];

/** What an environment variable says, the first of `names` where it is not set. */
function chosen<T extends string>(variable: string, names: readonly T[]): T {
  const value = process.env[variable] || names[0];
  if ((names as readonly string[]).includes(value)) return value as T;
  throw new FlashError('INVALID_ARGUMENT', `${variable}: expected ${names.join(', ')}, got '${value}'.`);
}

const wanted = (): AdapterName => chosen('FLASH_ADAPTER', ADAPTER_NAMES);

const wantedMatrices = (): NonNullable<AdapterChoice['matrices']> => chosen('FLASH_MATRICES', ['auto', 'on', 'off']);

/** Dawn's features to take in: of every adapter, those without which it does not show halves and matrix units. */
const WITH = ['allow_unsafe_apis', 'vulkan_enable_f16_on_nvidia'];

/** The first adapter that `fits` of a new WebGPU instance, without some features of Dawn. */
async function ask(
  fits: (info: GPUAdapterInfo) => boolean,
  without: readonly string[],
): Promise<{ adapter: GPUAdapter; gpu: GPU } | string> {
  // Loaded late: the native module takes its time, and a program that never computes need not wait for it.
  const { create } = await import('webgpu');
  const taken = wantedMatrices() === 'off' ? [] : [`enable-dawn-features=${WITH.join()}`];
  const gpu = create([...taken, `disable-dawn-features=${without.join()}`]) as GPU;
  let seen = 'no adapter at all';
  for (const options of [{ powerPreference: 'high-performance' as const }, { forceFallbackAdapter: true }]) {
    const adapter = await gpu.requestAdapter(options);
    if (!adapter) continue;
    if (fits(adapter.info)) return { adapter, gpu };
    seen = `only ${adapter.info.description || adapter.info.device}`;
  }
  return seen;
}

/** What each way needs. */
export const HINTS = {
  hardware: 'a GPU driver with Vulkan 1.2 or later (for NVIDIA the package with nvidia_icd.json, for others Mesa)',
  lavapipe: "Mesa's software driver, version 25 or later (Debian: mesa-vulkan-drivers from backports)",
  swiftshader: 'npx flashlab doctor --fix, which installs the npm package @sparticuz/chromium (68 MB, linux-x64)',
};

const REASONS = {
  hardware: 'it is a real GPU',
  lavapipe: "there is no usable GPU, and the system has Mesa's software driver",
  swiftshader:
    'there is no usable GPU and no system software driver of Mesa 25 or later, so SwiftShader from npm serves',
};

async function attempt(name: Attempt['name']): Promise<AdapterChoice | Attempt> {
  const forced = wanted() === name;
  const restore = name === 'swiftshader' ? offerSwiftShader() : () => undefined;
  if (typeof restore === 'object') return { name, why: restore.missing };
  try {
    const answer = await ask(
      (info) => (name === 'hardware' ? !isSoftware(info) : driverName(info) === name),
      name === 'swiftshader' ? WITHOUT_ON_SWIFTSHADER : WITHOUT,
    );
    if (typeof answer === 'string') return { name, why: `Vulkan offers ${answer}` };
    const reason = forced ? `FLASH_ADAPTER asks for ${name}` : REASONS[name];
    return {
      ...answer,
      kind: name === 'hardware' ? 'hardware' : 'software',
      driver: driverName(answer.adapter.info),
      reason,
      matrices: wantedMatrices(),
    };
  } catch (error) {
    // A package without a binary for this system, or a driver that fails: the next way may still work.
    return { name, why: `WebGPU failed: ${(error as Error).message}` };
  } finally {
    restore();
  }
}

/** The ways to try, in order, for a preference and FLASH_ADAPTER. */
function order(preference: AdapterPreference): Attempt['name'][] {
  const name = wanted();
  const all: Attempt['name'][] = ['hardware', 'lavapipe', 'swiftshader'];
  const ofKind = all.filter((way) => preference === 'auto' || (way === 'hardware') === (preference === 'hardware'));
  return name === 'auto' ? ofKind : ofKind.filter((way) => way === name);
}

/** Where adapters come from in Node: hardware, then the system's lavapipe, then SwiftShader out of npm. */
export async function nodeAdapter(preference: AdapterPreference): Promise<AdapterChoice> {
  const { choice, attempts } = await tryAdapters(preference);
  if (choice) return choice;
  const tried = attempts.map(({ name, why }) => `- ${name}: ${why}. It needs ${HINTS[name]}.`);
  throw new FlashError(
    'NO_ADAPTER',
    `No WebGPU adapter works (wanted: ${preference}, FLASH_ADAPTER: ${wanted()}). Tried:\n${tried.join('\n') || '- nothing: the two exclude each other'}`,
  );
}

/** The choice, and what was tried before it. */
export async function tryAdapters(
  preference: AdapterPreference,
): Promise<{ choice: AdapterChoice | null; attempts: Attempt[] }> {
  const attempts: Attempt[] = [];
  // A wrong value is the caller's mistake, not one of an adapter.
  wantedMatrices();
  for (const name of order(preference)) {
    const result = await attempt(name);
    if ('adapter' in result) return { choice: result, attempts };
    attempts.push(result);
  }
  return { choice: null, attempts };
}
