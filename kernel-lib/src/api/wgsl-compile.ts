import type { FlashDevice } from '../device/device';
import { COMPUTE_STAGE } from '../device/gpu-constants';
import { keepAlive } from '../device/keep-alive';
import { FlashError } from './errors';
import { readSource, type WgslVariable } from './wgsl-source';

/** What a reader's kernel is compiled from. */
export interface WgslKernel {
  readonly code: string;
  /** Values of its `override` constants, by name or by @id. */
  readonly constants: Readonly<Record<string, number>>;
  /** The @compute function to run; undefined where there is only one. */
  readonly entryPoint: string | undefined;
}

export interface CompiledWgsl {
  readonly variables: readonly WgslVariable[];
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
}

/** A notebook may make ever new texts; the oldest are forgotten. */
const MAX_KEPT = 100;

const caches = new WeakMap<FlashDevice, Map<string, Promise<CompiledWgsl>>>();

/**
 * The compiled kernel; the same text and constants are compiled once per device.
 * @throws FlashError INVALID_ARGUMENT with line, column and the line itself for code that does not compile
 */
export function compileWgsl(device: FlashDevice, kernel: WgslKernel): Promise<CompiledWgsl> {
  const cache = caches.get(device) ?? new Map<string, Promise<CompiledWgsl>>();
  caches.set(device, cache);
  const key = JSON.stringify([kernel.entryPoint, kernel.constants, kernel.code]);
  let compiled = cache.get(key);
  if (!compiled) {
    compiled = compile(device, kernel);
    cache.set(key, compiled);
    // A failure may pass (memory), so it is not remembered.
    compiled.catch(() => cache.delete(key));
    if (cache.size > MAX_KEPT) cache.delete(cache.keys().next().value as string);
  }
  return compiled;
}

/** As `device.checked`, but what the GPU refuses is the reader's code or its arguments. */
export async function checkedCode<T>(device: FlashDevice, record: () => T): Promise<T> {
  try {
    return await device.checked('wgsl', record);
  } catch (cause) {
    if (!(cause instanceof FlashError) || cause.code !== 'UNSUPPORTED') throw cause;
    throw new FlashError('INVALID_ARGUMENT', cause.message, { cause });
  }
}

async function compile(device: FlashDevice, { code, constants, entryPoint }: WgslKernel): Promise<CompiledWgsl> {
  const module = await compileModule(device, code);
  const { variables, entryPoints } = readSource(code);
  const chosen = chooseEntryPoint(entryPoints, entryPoint);
  const made = await checkedCode(device, () => {
    // Spelled out, so that a variable that the function does not use can be bound all the same.
    const layout = device.gpu.createBindGroupLayout({
      entries: variables.map(({ binding, access }) => ({
        binding,
        visibility: COMPUTE_STAGE,
        buffer: { type: access === 'read' ? ('read-only-storage' as const) : ('storage' as const) },
      })),
    });
    const pipeline = device.gpu.createComputePipelineAsync({
      layout: device.gpu.createPipelineLayout({ bindGroupLayouts: [layout] }),
      compute: { module, constants, entryPoint: chosen },
    });
    // Awaited below; a rejection before that must not count as unhandled.
    pipeline.catch(() => undefined);
    return { layout, pipeline };
  });
  try {
    return { variables, layout: made.layout, pipeline: await device.guard(keepAlive(made.pipeline)) };
  } catch (error) {
    if (error instanceof FlashError) throw error;
    throw new FlashError('INVALID_ARGUMENT', `wgsl: no kernel can be made: ${(error as Error).message.trim()}`, {
      cause: error,
    });
  }
}

async function compileModule(device: FlashDevice, code: string): Promise<GPUShaderModule> {
  let module: GPUShaderModule | undefined;
  let refusal: unknown = null;
  try {
    await checkedCode(device, () => {
      module = device.gpu.createShaderModule({ code });
    });
  } catch (error) {
    refusal = error;
  }
  if (!module) throw refusal;
  const { messages } = await device.guard(keepAlive(module.getCompilationInfo()));
  if (messages.some(({ type }) => type === 'error')) {
    throw new FlashError('INVALID_ARGUMENT', describeMessages(code, messages));
  }
  if (refusal) throw refusal;
  return module;
}

/** All that the compiler says, each with line and column, and with the line and a mark under the place. */
function describeMessages(code: string, messages: readonly GPUCompilationMessage[]): string {
  const errors = messages.filter(({ type }) => type === 'error').length;
  const lines = code.split(/\r\n|[\n\v\f\r\u0085\u2028\u2029]/);
  const told = messages.map(({ type, message, lineNum, linePos, length }) => {
    const text = type === 'error' ? message : `${type === 'info' ? 'note' : type}: ${message}`;
    const line = lines[lineNum - 1];
    if (line === undefined) return text;
    const before = line.slice(0, linePos - 1);
    // Tabs stay, so that the mark stands below its place however wide they are shown.
    const mark = before.replace(/[^\t]/g, ' ') + '^'.repeat(Math.max(1, Math.min(length, line.length - before.length)));
    return `${lineNum}:${linePos} ${text}\n    ${line}\n    ${mark}`;
  });
  return [`code: expected WGSL that compiles, got ${errors} ${errors === 1 ? 'error' : 'errors'}:`, ...told].join('\n');
}

function chooseEntryPoint(names: readonly string[], wanted: string | undefined): string {
  const listed = names.join(', ');
  if (wanted === undefined) {
    if (names.length === 1) return names[0];
    throw new FlashError(
      'INVALID_ARGUMENT',
      names.length === 0
        ? 'code: expected a function with @compute, got none.'
        : `entryPoint: expected one of the @compute functions ${listed}, got undefined.`,
    );
  }
  if (names.includes(wanted)) return wanted;
  throw new FlashError('INVALID_ARGUMENT', `entryPoint: expected one of ${listed || 'no function'}, got '${wanted}'.`);
}
