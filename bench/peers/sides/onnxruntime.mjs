import ort from 'onnxruntime-node';
import { flash, Float16Array, shapeOf, swapAxes } from '../numbers.mjs';
import { modelOf } from './onnx-model.mjs';

/**
 * Its WebGPU provider: MultiHeadAttention, and GroupQueryAttention where the attention is causal or heads share keys. The second
 * takes the keys of earlier tokens as a cache (B,Hk,N,D) and those of the queries' own tokens as rows.
 */
export async function prepare(one, inputs) {
  const { shape, causal, dtype } = one;
  const [B, H, Hk, Nq, Nk, D] = shape;
  const type = dtype === 'f16' ? 'float16' : 'float32';
  const grouped = causal || Hk !== H;
  if (grouped && !causal) throw new Error('GroupQueryAttention is always causal');
  const past = grouped ? Nk - Nq : 0;
  const rows = Nk - past;
  const stored = (data) => (dtype === 'f16' ? halves(data) : data);
  /** Rows from `first` on of a tensor (B,heads,N,D). */
  const part = (name, first, count) => {
    const [, heads, length] = shapeOf(name, one);
    const taken = new Float32Array(B * heads * count * D);
    for (let h = 0; h < B * heads; h++) {
      taken.set(inputs[name].subarray((h * length + first) * D, (h * length + first + count) * D), h * count * D);
    }
    return taken;
  };
  const packed = (name, first, count, heads) => stored(swapAxes(part(name, first, count), [B, heads, count, D]));
  const feeds = [
    ['q', type, [B, Nq, H * D], packed('q', 0, Nq, H)],
    ['k', type, [B, rows, Hk * D], packed('k', past, rows, Hk)],
    ['v', type, [B, rows, Hk * D], packed('v', past, rows, Hk)],
    ...(grouped
      ? [
          ['past_k', type, [B, Hk, past, D], stored(part('k', 0, past))],
          ['past_v', type, [B, Hk, past, D], stored(part('v', 0, past))],
          ['seqlens_k', 'int32', [B], new Int32Array(B).fill(Nk - 1)],
          ['total', 'int32', [1], Int32Array.of(Nk)],
        ]
      : []),
  ];
  const out = ['out', type, [B, Nq, H * D]];
  const present = ['present_k', 'present_v'].map((name) => [name, type, [B, Hk, Nk, D]]);
  const model = grouped
    ? modelOf('GroupQueryAttention', feeds, [out, ...present], { num_heads: H, kv_num_heads: Hk })
    : modelOf('MultiHeadAttention', feeds, [out], { num_heads: H });
  const session = await ort.InferenceSession.create(model, { executionProviders: ['webgpu'], logSeverityLevel: 3 });
  return async () => {
    const given = Object.fromEntries(
      feeds.map(([name, element, dims, data]) => [name, new ort.Tensor(element, data, dims)]),
    );
    const { data } = (await session.run(given, ['out'])).out;
    const numbers = dtype === 'f16' ? await fromHalves(data) : data;
    return { outputs: { out: swapAxes(numbers, [B, Nq, H, D]) } };
  };
}

/** Bits of the numbers as halves. */
const halves = (data) => new Uint16Array(Float16Array.from(data).buffer);

const fromHalves = (data) =>
  flash.tensor(new Uint16Array(data.buffer, data.byteOffset, data.length), [data.length], { dtype: 'f16' }).data();
