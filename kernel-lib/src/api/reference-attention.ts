import { referenceBackward, referenceForward } from '../reference';
import { exchangeAxes, shapeOf } from '../tensor/layout';
import { bindScope } from '../tensor/scope';
import { Tensor } from '../tensor/tensor';
import { type AttentionGradients, type AttentionResult, checkBackward } from './attention';
import type { AttentionInfo } from './on-device';
import type { Problem } from './problem';
import { type CheckedCall, checkTensor } from './validate';

/** Operations between two looks at the signal: some tens of milliseconds. */
const SLICE_FLOPS = 2e7;

type Inputs = Readonly<Record<'q' | 'k' | 'v', Tensor>>;
type Steering = Pick<CheckedCall, 'signal' | 'onProgress'>;

/** Calls `compute` with ranges of query rows (b,h,i) until all are done; the event loop turns in between. */
async function byRows(
  p: Problem,
  { signal, onProgress }: Steering,
  compute: (rows: number[], first: number) => void,
): Promise<void> {
  const total = p.B * p.H * p.Nq;
  const step = Math.max(1, Math.floor(SLICE_FLOPS / (2 * p.Nk * (p.D + p.Dv))));
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

/** `algorithm: 'reference'`: the float64 truth on the CPU, with the results stored as float32. */
export async function referenceAttention(
  call: CheckedCall,
  { q, k, v }: Inputs,
  inScope: ReturnType<typeof bindScope>,
): Promise<AttentionResult> {
  const { problem: p } = call;
  const inputs = await Promise.all([toRows(p, q, 'q'), toRows(p, k, 'k'), toRows(p, v, 'v')]);
  const outRows = new Float32Array(p.B * p.H * p.Nq * p.Dv);
  const lseRows = new Float32Array(p.B * p.H * p.Nq);
  await byRows(p, call, (rows, first) => {
    const part = referenceForward(p, ...inputs, rows);
    outRows.set(part.out, first * p.Dv);
    lseRows.set(part.lse, first);
  });
  return inScope(() => {
    const out = fromRows(p, outRows, p.H, p.Nq, p.Dv);
    const lse = new Tensor([p.B, p.H, p.Nq], 'f32', lseRows);
    return {
      out,
      lse,
      info: infoOf('forward'),
      backward: async (dout: Tensor, options = {}) => {
        checkBackward(dout, out, options);
        for (const [name, t] of Object.entries({ q, k, v, out, lse })) checkTensor(name, t);
        const inLaterScope = bindScope();
        const made = await backward(p, inputs, await toRows(p, dout, 'dout'), options);
        return inLaterScope(made);
      },
      dispose: () => [out, lse].forEach((t) => t.dispose()),
    };
  });
}

async function backward(
  p: Problem,
  inputs: [Float32Array, Float32Array, Float32Array],
  dout: Float32Array,
  steering: Steering,
): Promise<() => AttentionGradients> {
  const dq = new Float32Array(p.B * p.H * p.Nq * p.D);
  const dk = new Float64Array(p.B * p.Hk * p.Nk * p.D);
  const dv = new Float64Array(p.B * p.Hk * p.Nk * p.Dv);
  await byRows(p, steering, (rows, first) => {
    const part = referenceBackward(p, ...inputs, dout, rows);
    dq.set(part.dq, first * p.D);
    part.dk.forEach((value, index) => (dk[index] += value));
    part.dv.forEach((value, index) => (dv[index] += value));
  });
  return () => ({
    dq: fromRows(p, dq, p.H, p.Nq, p.D),
    dk: fromRows(p, Float32Array.from(dk), p.Hk, p.Nk, p.D),
    dv: fromRows(p, Float32Array.from(dv), p.Hk, p.Nk, p.Dv),
    info: infoOf('backward'),
  });
}

/** A tensor's numbers in 'bhnd' order, whatever the layout. */
async function toRows(p: Problem, t: Tensor, name: string): Promise<Float32Array> {
  const use = t.use(name);
  try {
    const data = await use.host();
    const [B, first, second, width] = t.shape;
    return p.layout === 'bhnd' ? data : exchangeAxes(data, B, first, second, width);
  } finally {
    use.release();
  }
}

/** The reverse of {@link toRows}. */
function fromRows(p: Problem, rows: Float32Array, heads: number, N: number, width: number): Tensor {
  const data = p.layout === 'bhnd' ? rows : exchangeAxes(rows, p.B, heads, N, width);
  return new Tensor(shapeOf(p.layout, p.B, heads, N, width), 'f32', data);
}
