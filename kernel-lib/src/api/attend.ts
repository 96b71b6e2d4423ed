import { bindScope, owning } from '../tensor/scope';
import { fromBuffer, type Tensor } from '../tensor/tensor';
import { computeWeights } from './attention-weights';
import type { GpuCall } from './choose-path';
import { checkNames, checkRunOptions, checkSameDtype, checkShape, checkTensor } from './checks';
import { type AttentionInfo, onDevice, type OnDeviceOptions } from './on-device';
import type { AttentionOptions } from './options';
import { planOf } from './planned';
import { provenFacts } from './prove-matrices';
import { referenceAttention } from './reference-attention';
import type { CheckedCall } from './validate';

/** Options of `backward`. */
export type BackwardOptions = Pick<AttentionOptions, 'signal' | 'onProgress'>;

/** What every call of attention gives; `G` are its gradients. */
export interface Attended<G> {
  readonly out: Tensor;
  readonly lse: Tensor;
  readonly info: AttentionInfo;
  /** The seed of dropout, given or drawn; undefined without dropout. */
  readonly seed: number | undefined;
  backward(dout: Tensor, options?: BackwardOptions): Promise<G>;
  dispose(): void;
}

/** Shapes of what a call gives, gradients by name. */
export interface AttendShapes {
  readonly out: readonly number[];
  readonly lse: readonly number[];
  readonly gradients: Readonly<Record<string, readonly number[]>>;
}

/** Tensors of a checked call by name, bias and mask where there are any. */
export type AttendTensors = Readonly<Record<'q' | 'k' | 'v', Tensor>> & {
  readonly bias?: Tensor;
  readonly mask?: Tensor;
};

/** How to make p of a result, which no call keeps. */
const probabilities = new WeakMap<object, () => Promise<Tensor>>();

/** p (B,H,Nq,Nk) of what a call of {@link attend} gave, negative where dropout dropped it; made anew each time. */
export const probabilitiesOf = (result: object): Promise<Tensor> => probabilities.get(result)!();

/** Runs a checked call: the one way from every public function to the kernels. */
export async function attend<G>(call: CheckedCall, tensors: AttendTensors, shapes: AttendShapes): Promise<Attended<G>> {
  const result = await run<G>(call, tensors, shapes);
  probabilities.set(result, () => {
    const { problem, signal } = call;
    const rows = Array.from({ length: problem.Nq }, (_, i) => i);
    return computeWeights(problem, tensors, rows, { signal, signed: true });
  });
  return result;
}

async function run<G>(call: CheckedCall, tensors: AttendTensors, shapes: AttendShapes): Promise<Attended<G>> {
  const { problem } = call;
  const inScope = bindScope();
  if (call.algorithm === 'reference') {
    return (await referenceAttention(call, tensors, inScope)) as Attended<G>;
  }
  const gpuCall = { ...call, algorithm: call.algorithm };
  const given = present(tensors);
  const made = await onDevice(given, (facts) => planOf('forward', gpuCall, facts), {
    signal: call.signal,
    onProgress: call.onProgress,
    facts: factsFor(gpuCall, 'forward'),
  });
  const { device, outputs, info } = made;
  return inScope(() => {
    const { out: outBuffer, lse: lseBuffer, ...kept } = outputs;
    const out = fromBuffer(device, outBuffer, shapes.out, problem.dtype);
    const lse = fromBuffer(device, lseBuffer, shapes.lse);
    // What naive keeps for its backward lives in tensors too, so that the garbage collector frees it in the end.
    const saved = Object.fromEntries(
      Object.entries(kept).map(([name, buffer]) => [name, fromBuffer(device, buffer, [buffer.size / 4])]),
    );
    const result: Attended<G> = {
      out,
      lse,
      info,
      seed: problem.dropout?.seed,
      backward: (dout, options = {}) => gradients<G>(gpuCall, { ...given, out, lse, ...saved }, dout, options, shapes),
      dispose: () => [out, lse, ...Object.values(saved)].forEach((t) => t.dispose()),
    };
    return owning(result, Object.values(saved));
  });
}

/** Only flash2 has kernels for matrix units, and none where tiles are wanted. */
const factsFor = ({ problem, algorithm, tiles }: GpuCall, pass: 'forward' | 'backward'): OnDeviceOptions['facts'] =>
  algorithm === 'flash2' && !tiles ? (device) => provenFacts(device, problem, pass) : undefined;

/** Without the names of tensors that are not there. */
const present = ({ bias, mask, ...rest }: AttendTensors): Record<string, Tensor> => ({
  ...rest,
  ...(bias ? { bias } : {}),
  ...(mask ? { mask } : {}),
});

async function gradients<G>(
  call: GpuCall,
  tensors: Readonly<Record<string, Tensor>>,
  dout: Tensor,
  options: BackwardOptions,
  shapes: AttendShapes,
): Promise<G> {
  checkBackward(dout, tensors.out, options);
  for (const [name, t] of Object.entries(tensors)) checkTensor(name, t);
  const inScope = bindScope();
  const { device, outputs, info } = await onDevice({ ...tensors, dout }, (facts) => planOf('backward', call, facts), {
    signal: options.signal,
    onProgress: options.onProgress,
    facts: factsFor(call, 'backward'),
  });
  const made = (name: string): Tensor => {
    const dtype = name === 'dbias' ? tensors.bias.dtype : call.problem.dtype;
    return fromBuffer(device, outputs[name], shapes.gradients[name], dtype);
  };
  return inScope(() => ({
    ...Object.fromEntries(Object.keys(outputs).map((name) => [name, made(name)])),
    info,
  })) as G;
}

/** Checks the arguments of a backward call. */
export function checkBackward(dout: unknown, out: Tensor, options: BackwardOptions): void {
  checkNames(options, ['signal', 'onProgress']);
  checkRunOptions(options);
  checkTensor('dout', dout);
  checkShape('dout', dout, out.shape, '(that of out)');
  checkSameDtype('dout', dout, out.dtype, 'out');
}
