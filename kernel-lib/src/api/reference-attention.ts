import { signalOf } from '../device/abort';
import { gradientBuffer } from '../kernels/outputs';
import { noSums, referenceBackward, referenceForward, storedRows, type ReferenceInputs } from '../reference';
import { shapeOf, sizeOf } from '../tensor/layout';
import { bindScope } from '../tensor/scope';
import { toStorage } from '../tensor/storage-array';
import { type FloatDType, Tensor } from '../tensor/tensor';
import { type Attended, type AttendTensors, checkBackward } from './attend';
import { checkTensor } from './checks';
import type { AttentionInfo } from './on-device';
import type { Problem } from './problem';
import { readRows, type RowOperand, writeRows } from './reference-rows';
import type { CheckedCall } from './validate';

/** Operations between two looks at the signal: some tens of milliseconds. */
const SLICE_FLOPS = 2e7;

type Steering = Pick<CheckedCall, 'signal' | 'onProgress'>;
type Gradients = Readonly<Record<string, Tensor | AttentionInfo>>;

/** Calls `compute` with ranges of query rows until all are done; the event loop turns in between. */
async function byRows(
  p: Problem,
  total: number,
  steering: Steering,
  compute: (rows: number[], first: number) => void,
): Promise<void> {
  const { onProgress } = steering;
  const signal = signalOf(steering);
  const step = Math.max(1, Math.floor(SLICE_FLOPS / (2 * Math.max(1, p.Nk) * (p.D + p.Dv))));
  for (let first = 0; first < total; first += step) {
    signal?.throwIfAborted();
    const count = Math.min(step, total - first);
    compute(
      Array.from({ length: count }, (_, r) => first + r),
      first,
    );
    onProgress?.((first + count) / total);
    await new Promise((turn) => setTimeout(turn));
  }
  signal?.throwIfAborted();
}

const infoOf = (pass: string): AttentionInfo => ({
  path: `reference ${pass}: float64 on the CPU`,
  tiles: null,
  dispatches: 0,
  deviceBytes: 0,
  gpuMs: null,
});

/**
 * `algorithm: 'reference'`: the float64 truth on the CPU, with the results stored in q's dtype. Dense, packed and varlen calls
 * alike, as the problem says; where q, k and v are packed, each of them is the tensor that holds it.
 */
export async function referenceAttention(
  call: CheckedCall,
  tensors: AttendTensors,
  inScope: ReturnType<typeof bindScope>,
): Promise<Attended<Gradients>> {
  const { problem: p } = call;
  const inputs = await readInputs(p, tensors);
  const totalQ = p.sequences?.cuSeqlensQ[p.B] ?? 0;
  const outShape = p.sequences ? [totalQ, p.H, p.Dv] : shapeOf(p.layout, p.B, p.H, p.Nq, p.Dv);
  const lseShape = p.sequences ? [p.H, totalQ] : [p.B, p.H, p.Nq];
  const outRows = new Float64Array(sizeOf(outShape));
  const lseRows = new Float32Array(sizeOf(lseShape));
  await byRows(p, lseRows.length, call, (rows, first) => {
    const part = referenceForward(p, inputs, rows);
    scatterRows(outRows, storedRows(p, rows), part.out, p.Dv);
    lseRows.set(part.lse, first);
  });
  return inScope(() => {
    const out = store('out', outShape, p.dtype, (stored) => writeRows(p, 'out', stored, outRows));
    const lse = new Tensor(lseShape, 'f32', lseRows);
    return {
      out,
      lse,
      info: infoOf('forward'),
      seed: p.dropout?.seed,
      backward: async (dout, options = {}) => {
        checkBackward(dout, out, options);
        for (const [name, t] of Object.entries({ ...tensors, out, lse })) if (t) checkTensor(name, t);
        const inLaterScope = bindScope();
        const made = await backward(p, tensors, inputs, await readOperand(p, 'out', dout, 'dout'), options);
        return inLaterScope(made);
      },
      dispose: () => [out, lse].forEach((t) => t.dispose()),
    };
  });
}

async function backward(
  p: Problem,
  tensors: AttendTensors,
  inputs: ReferenceInputs,
  dout: Float32Array,
  steering: Steering,
): Promise<() => Gradients> {
  const dq = new Float64Array(inputs.q.length);
  const sums = noSums(p);
  await byRows(p, inputs.q.length / p.D, steering, (rows) => {
    const part = referenceBackward(p, inputs, dout, rows, sums);
    scatterRows(dq, storedRows(p, rows), part.dq, p.D);
  });
  return () => {
    const gradients: Record<string, Tensor | AttentionInfo> = { info: infoOf('backward') };
    const parts = { q: dq, k: sums.dk, v: sums.dv };
    const operands = ['q', 'k', 'v'] as const;
    for (const buffer of new Set(operands.map((operand) => gradientBuffer(p, `d${operand}`)))) {
      const own = operands.filter((operand) => gradientBuffer(p, `d${operand}`) === buffer);
      gradients[buffer] = store(buffer, tensors[own[0]].shape, p.dtype, (stored) =>
        own.forEach((operand) => writeRows(p, operand, stored, parts[operand])),
      );
    }
    if (tensors.bias) {
      const { shape, dtype } = tensors.bias;
      gradients.dbias = new Tensor(shape, dtype, toStorage(sums.dbias, dtype, 'dbias'));
    }
    return gradients;
  };
}

/** Puts rows of `width` numbers to their places. */
function scatterRows(into: Float64Array, places: readonly number[], rows: Float64Array, width: number): void {
  places.forEach((place, r) => into.set(rows.subarray(r * width, (r + 1) * width), place * width));
}

/** A tensor of the numbers that `fill` writes. */
function store(
  name: string,
  shape: readonly number[],
  dtype: FloatDType,
  fill: (stored: Float64Array) => void,
): Tensor {
  const stored = new Float64Array(sizeOf(shape));
  fill(stored);
  return new Tensor(shape, dtype, toStorage(stored, dtype, name));
}

async function readInputs(p: Problem, { q, k, v, bias, mask }: AttendTensors): Promise<ReferenceInputs> {
  const [rowsQ, rowsK, rowsV, numbersOfBias, numbersOfMask] = await Promise.all([
    readOperand(p, 'q', q, 'q'),
    readOperand(p, 'k', k, 'k'),
    readOperand(p, 'v', v, 'v'),
    bias && readNumbers(bias, 'bias'),
    mask && readNumbers(mask, 'mask'),
  ]);
  return { q: rowsQ, k: rowsK, v: rowsV, bias: numbersOfBias, mask: numbersOfMask };
}

/** A tensor's numbers in the reference's order. */
async function readOperand(p: Problem, operand: RowOperand, t: Tensor, name: string): Promise<Float32Array> {
  return readRows(p, operand, await readNumbers(t, name));
}

async function readNumbers(t: Tensor, name: string): Promise<Float32Array> {
  const use = t.use(name);
  try {
    return await use.host();
  } finally {
    use.release();
  }
}
