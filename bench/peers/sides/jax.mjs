// jax-js calls methods of iterators that Node has from version 22 on.
import 'core-js/actual/iterator/index.js';
import { create, globals } from 'webgpu';
import { shapeOf, swapAxes } from '../numbers.mjs';

Object.assign(globalThis, globals);
Object.defineProperty(globalThis, 'navigator', { value: { gpu: create([]), userAgent: 'node' }, configurable: true });
const { defaultDevice, init, jit, nn, numpy, valueAndGrad } = await import('@jax-js/jax');
await init('webgpu');
defaultDevice('webgpu');

/** Its attention takes (B,N,H,D). */
const swapped = ([B, H, N, D]) => [B, N, H, D];

export async function prepare(one, inputs) {
  const { causal: isCausal, pass } = one;
  const arrays = Object.entries(inputs).map(([name, data]) => {
    const shape = shapeOf(name, one);
    return { shape: swapped(shape), data: swapAxes(data, shape) };
  });
  const attention = (q, k, v) => nn.dotProductAttention(q, k, v, { isCausal });
  const forward = jit(attention);
  // Arrays are used up by what takes them; a `ref` is one more.
  const loss = (q, k, v, dout) => {
    const out = attention(q, k, v);
    return [out.ref.mul(dout).sum(), out];
  };
  const backward = jit(valueAndGrad(loss, { argnums: [0, 1, 2], hasAux: true }));
  const back = async (name, array) => swapAxes(await array.data(), swapped(shapeOf(name, one)));
  return async () => {
    const given = arrays.map(({ data, shape }) => numpy.array(data).reshape(shape));
    if (pass === 'forward') return { outputs: { out: await back('out', forward(...given)) } };
    const [[value, out], [dq, dk, dv]] = backward(...given);
    value.dispose();
    const outputs = {};
    for (const [name, array] of Object.entries({ out, dq, dk, dv })) outputs[name] = await back(name, array);
    return { outputs };
  };
}
