import { flash, shapeOf } from '../numbers.mjs';

export const adapter = async () => (await flash.device()).name;

/** With `io: 'without'` the inputs stay on the device, and the results are read once only, to be checked. */
export async function prepare({ dtype, causal, pass, io, ...one }, inputs) {
  const load = () =>
    Object.fromEntries(
      Object.entries(inputs).map(([name, data]) => [name, flash.tensor(data, shapeOf(name, one), { dtype })]),
    );
  const kept = io === 'without' ? load() : null;
  let checked = false;
  return async () => {
    const tensors = kept ?? load();
    const { q, k, v, dout } = tensors;
    const result = await flash.attention(q, k, v, { causal });
    const grads = dout ? await result.backward(dout) : {};
    const outputs = {};
    for (const [name, tensor] of Object.entries({ out: result.out, dq: grads.dq, dk: grads.dk, dv: grads.dv })) {
      if (tensor && !(kept && checked)) outputs[name] = await tensor.data();
      tensor?.dispose();
    }
    checked = true;
    result.dispose();
    if (!kept) for (const tensor of Object.values(tensors)) tensor.dispose();
    return { outputs, ms: kept ? (pass === 'forward' ? result.info.gpuMs : grads.info.gpuMs) : undefined };
  };
}
