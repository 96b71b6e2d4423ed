import { abortable, signalOf } from '../device/abort';
import { defaultDevice } from '../device/default-device';
import type { FlashDevice } from '../device/device';
import { dozing } from '../device/doze';
import { GpuTimer } from '../device/gpu-timer';
import { NOBODY, observer } from '../device/observer';
import { checkDtype, checkShape } from '../tensor/check';
import { BYTES, type DType } from '../tensor/dtype';
import { sizeOf } from '../tensor/layout';
import { bindScope } from '../tensor/scope';
import { fromBuffer, Tensor, type TensorUse } from '../tensor/tensor';
import { checkNames, checkRunOptions, checkTensor, fail } from './checks';
import { describe } from './describe';
import { FlashError } from './errors';
import { checkedCode, compileWgsl, type CompiledWgsl, type WgslKernel } from './wgsl-compile';
import type { WgslVariable } from './wgsl-source';

/** A tensor to be made: zeros, until the kernel writes to it. */
export interface WgslOutput {
  readonly shape: readonly number[];
  /** Default 'f32'. */
  readonly dtype?: DType;
}

/** By name of the WGSL variable, or in the order of @binding. */
export type WgslBindings =
  readonly [] | readonly (Tensor | WgslOutput)[] | Readonly<Record<string, Tensor | WgslOutput>>;

export interface WgslOptions<B extends WgslBindings = WgslBindings> {
  /** What the storage variables of @group(0) are: a tensor, or { shape } of a tensor to be made. */
  bindings: B;
  /** How many workgroups to run: x, or [x, y] or [x, y, z]. */
  workgroups: number | readonly number[];
  /** Values of `override` constants, by name or by @id. */
  constants?: Readonly<Record<string, number | boolean>>;
  /** Which @compute function, where there are several. */
  entryPoint?: string;
  /** Rejects with its reason as soon as it is aborted; a kernel that runs by then cannot be stopped and ends by itself. */
  signal?: AbortSignal;
}

/** The tensors that the kernel could write, under the names or numbers of `bindings`; undefined for those it only reads. */
export type WgslResult<B extends WgslBindings> = {
  readonly [K in keyof B]: [Extract<B[K], Tensor>] extends [never] ? Tensor : Tensor | undefined;
};

/** What is to be bound to one variable. */
interface Slot {
  /** Name or number in `bindings`. */
  readonly key: string;
  readonly shape: readonly number[];
  readonly dtype: DType;
  /** null for a tensor to be made. */
  readonly tensor: Tensor | null;
}

const OPTION_NAMES = ['bindings', 'workgroups', 'constants', 'entryPoint', 'signal'];

/**
 * Runs a compute kernel of your own over tensors, once, and gives the tensors that it could write.
 *
 * Variables are `@group(0) @binding(n) var<storage, read>` or `var<storage, read_write>`. A tensor stays what it is: where the
 * WGSL says read_write, the kernel gets a copy and the result has it. Elements lie as they are stored: 'f32' as array<f32>;
 * 'f16', 'bool' and 'i8' as array<u32> of two or four elements a word (unpack2x16float, unpack4xU8, unpack4xI8).
 *
 * @param code WGSL with a @compute function
 * @throws (rejects) FlashError INVALID_ARGUMENT for code that does not compile (line:column, the line, a mark) and for options
 *   that do not fit it; SHAPE, DTYPE, DISPOSED, OUT_OF_MEMORY, DEVICE_LOST; the reason of `options.signal`
 * @example
 * const { y } = await flash.wgsl(
 *   `@group(0) @binding(0) var<storage, read> x: array<f32>;
 *    @group(0) @binding(1) var<storage, read_write> y: array<f32>;
 *    override factor = 2.0;
 *    @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
 *      if (id.x < arrayLength(&x)) { y[id.x] = factor * x[id.x]; }
 *    }`,
 *   { bindings: { x: flash.randn([1000]), y: { shape: [1000] } }, workgroups: Math.ceil(1000 / 64), constants: { factor: 3 } },
 * );
 */
export async function wgsl<B extends WgslBindings>(code: string, options: WgslOptions<B>): Promise<WgslResult<B>> {
  const { kernel, slots, workgroups, signal } = checkCall(code, options);
  signal?.throwIfAborted();
  const inScope = bindScope();
  const uses = new Map(slots.map(({ key, tensor }) => [key, tensor?.use(`bindings.${key}`)]));
  let begun = false;
  const work = async (): Promise<{ device: FlashDevice; outputs: Map<Slot, GPUBuffer> }> => {
    const device = await defaultDevice();
    return device.enqueue(async () => {
      const compiled = await abortable(compileWgsl(device, kernel), signal);
      const bound = match(compiled.variables, slots, Array.isArray(options.bindings));
      checkSizes(device, slots, workgroups);
      signal?.throwIfAborted();
      begun = true;
      return { device, outputs: await run(device, compiled, bound, uses, { workgroups, signal }) };
    });
  };
  const made = work().finally(() => uses.forEach((use) => use?.release()));
  const { device, outputs } = await abortable(made, signal, () => !begun);
  return inScope(() => {
    const result: Record<string, Tensor | undefined> = Object.fromEntries(slots.map(({ key }) => [key, undefined]));
    for (const [{ key, shape, dtype }, buffer] of outputs) result[key] = fromBuffer(device, buffer, shape, dtype);
    return (Array.isArray(options.bindings) ? Object.values(result) : result) as WgslResult<B>;
  });
}

interface Call {
  readonly kernel: WgslKernel;
  readonly slots: readonly Slot[];
  readonly workgroups: readonly number[];
  readonly signal?: AbortSignal;
}

/** Checks and copies what needs neither the device nor the compiled code. */
function checkCall(code: unknown, options: WgslOptions): Call {
  if (typeof code !== 'string') fail('code', 'WGSL text', code);
  checkNames(options, OPTION_NAMES);
  checkRunOptions(options);
  const { bindings, constants = {}, entryPoint } = options;
  if (typeof bindings !== 'object' || bindings === null || bindings instanceof Tensor) {
    fail('bindings', 'an object of tensors by name, or an array', bindings);
  }
  if (entryPoint !== undefined && typeof entryPoint !== 'string') fail('entryPoint', 'a name', entryPoint);
  if (typeof constants !== 'object' || constants === null) fail('constants', 'an object of numbers', constants);
  const numbers = Object.entries(constants).map(([name, value]): [string, number] => {
    const ok = typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value));
    if (!ok) fail(`constants.${name}`, 'a finite number, true or false', value);
    return [name, Number(value)];
  });
  return {
    kernel: { code, entryPoint, constants: Object.fromEntries(numbers) },
    slots: Object.entries(bindings).map(([key, value]) => checkBinding(key, value)),
    workgroups: checkWorkgroups(options.workgroups),
    signal: signalOf(options),
  };
}

function checkBinding(key: string, value: unknown): Slot {
  const name = `bindings.${key}`;
  if (typeof value !== 'object' || value === null || !('shape' in value)) fail(name, 'a Tensor or { shape }', value);
  const tensor = value instanceof Tensor ? value : null;
  if (tensor) checkTensor(name, tensor);
  else checkNames(value, ['shape', 'dtype']);
  const { shape: given, dtype } = value as WgslOutput;
  const shape = [...checkShape(given, `${name}.shape`)];
  if (sizeOf(shape) === 0)
    throw new FlashError('SHAPE', `${name}: expected an element at least, got ${describe(shape)}.`);
  return { key, shape, dtype: checkDtype(dtype, undefined, `${name}.dtype`), tensor };
}

function checkWorkgroups(given: unknown): number[] {
  const counts: unknown[] = Array.isArray(given) ? given : [given];
  const ok = counts.length >= 1 && counts.length <= 3 && counts.every((n) => Number.isInteger(n) && (n as number) >= 1);
  if (!ok) fail('workgroups', 'a whole number of at least 1, or up to three', given);
  return counts as number[];
}

/** Which variable each slot is bound to; every variable has one. */
function match(variables: readonly WgslVariable[], slots: readonly Slot[], byNumber: boolean): Map<WgslVariable, Slot> {
  const keyOf = ({ name, binding }: WgslVariable): string => (byNumber ? String(binding) : name);
  const keys = variables.map(keyOf);
  const extra = slots.find(({ key }) => !keys.includes(key));
  if (extra) {
    const known =
      keys.length > 0 ? `one of the variables of the WGSL, ${keys.join(', ')}` : 'none, as the WGSL has none';
    fail('bindings', known, extra.key);
  }
  return new Map(
    variables.map((variable) => {
      const slot = slots.find(({ key }) => key === keyOf(variable));
      const name = `bindings.${keyOf(variable)}`;
      const what = `'${variable.name}' of the WGSL at @binding(${variable.binding})`;
      if (!slot) fail(name, `a Tensor or { shape } for ${what}`, undefined);
      if (!slot.tensor && variable.access === 'read') {
        throw new FlashError('INVALID_ARGUMENT', `${name}: expected a Tensor, since the code only reads ${what}.`);
      }
      return [variable, slot];
    }),
  );
}

const bytesOf = ({ shape, dtype }: Slot): number => sizeOf(shape) * BYTES[dtype];

/** Refuses what is beyond the limits of the device. */
function checkSizes({ facts }: FlashDevice, slots: readonly Slot[], workgroups: readonly number[]): void {
  for (const slot of slots) {
    if (bytesOf(slot) <= facts.maxBinding) continue;
    const expected = `at most ${facts.maxBinding} bytes, what one binding of this device holds`;
    throw new FlashError('SHAPE', `bindings.${slot.key}: expected ${expected}, got ${bytesOf(slot)}.`);
  }
  if (workgroups.every((n) => n <= facts.maxWorkgroups)) return;
  fail('workgroups', `at most ${facts.maxWorkgroups} along an axis of this device`, workgroups);
}

/** What the reader's kernel is called where runs are shown. */
const LABEL = 'wgsl';

/** One dispatch; resolves when the GPU has finished. Whatever goes wrong, nothing that it allocated stays. */
async function run(
  device: FlashDevice,
  { pipeline, layout }: CompiledWgsl,
  bound: ReadonlyMap<WgslVariable, Slot>,
  uses: ReadonlyMap<string, TensorUse | undefined>,
  { workgroups, signal }: Pick<Call, 'workgroups' | 'signal'>,
): Promise<Map<Slot, GPUBuffer>> {
  const outputs = new Map<Slot, GPUBuffer>();
  const used: GPUBuffer[] = [];
  const copies: { from: GPUBuffer; to: GPUBuffer; size: number }[] = [];
  const entries: GPUBindGroupEntry[] = [];
  const watch = observer().began(device, [LABEL]);
  // Only for those who watch: to read the time back costs a round trip.
  let ok = false;
  const timer = watch === NOBODY ? null : new GpuTimer(device, 'short');
  try {
    for (const [{ name, binding, access }, slot] of bound) {
      // So that arrayLength() tells the number of elements, not the size of the buffer.
      const size = Math.ceil(bytesOf(slot) / 4) * 4;
      const given = await uses.get(slot.key)?.on(device, signal);
      let buffer = given;
      if (!buffer || access === 'read_write') {
        const kept = device.reuse(size, name);
        if (kept) used.push(kept);
        buffer = kept ?? (await device.allocate(size, name));
        outputs.set(slot, buffer);
        if (given) copies.push({ from: given, to: buffer, size });
      }
      entries.push({ binding, resource: { buffer, size } });
    }
    const begin = performance.now();
    const submitted = checkedCode(device, () => {
      const encoder = device.gpu.createCommandEncoder();
      for (const kept of used) encoder.clearBuffer(kept);
      for (const { from, to, size } of copies) encoder.copyBufferToBuffer(from, 0, to, 0, size);
      const pass = encoder.beginComputePass(timer?.nextPass(LABEL));
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, device.gpu.createBindGroup({ layout, entries }));
      pass.dispatchWorkgroups(workgroups[0], workgroups[1], workgroups[2]);
      pass.end();
      timer?.finish(encoder, []);
      device.gpu.queue.submit([encoder.finish()]);
    });
    const finished = submitted.then(() => device.guard(device.gpu.queue.onSubmittedWorkDone()));
    await abortable(dozing(device, finished, 0, signal), signal);
    const wallMs = performance.now() - begin;
    const gpuMs = (await timer?.totals())?.get(LABEL) ?? null;
    ok = true;
    watch.ended({ dispatches: 1, gpuMs, kernels: [{ label: LABEL, dispatches: 1, gpuMs }], wallMs });
    return outputs;
  } catch (error) {
    watch.failed(error, signal?.aborted ?? false);
    for (const buffer of outputs.values()) device.free(buffer);
    throw error;
  } finally {
    timer?.dispose(ok);
  }
}
