import { createRequire } from 'node:module';
import { inputsOf, outputsOf } from './cases.mjs';

const require = createRequire(new URL('../../kernel-lib/package.json', import.meta.url));

/** The library of this repository, built. */
export const flash = require('./dist/cjs/node/index.js');
export const { Float16Array } = require('@petamoriken/float16');
export const { median } = require('./dist/cjs/experiments/measure.js');
export const { cacheFolder } = require('./dist/cjs/node/swiftshader.js');
const { exchangeAxes } = require('./dist/cjs/tensor/layout.js');

const rows = (name, [, H, Hk, Nq, Nk]) =>
  name === 'k' || name === 'v' || name === 'dk' || name === 'dv' ? [Hk, Nk] : [H, Nq];

export function shapeOf(name, { shape }) {
  const [heads, length] = rows(name, shape);
  return [shape[0], heads, length, shape[5]];
}

/** The inputs of a case, (B,H,N,D) row by row, the same on every side: normal numbers, rounded to halves for f16. */
export async function makeInputs(one) {
  const inputs = {};
  for (const [n, name] of inputsOf(one).entries()) {
    inputs[name] = await flash.randn(shapeOf(name, one), { seed: n + 1, dtype: one.dtype }).data();
  }
  return inputs;
}

/** The first key/value head of the first batch, and its query heads, of a tensor. */
function firstGroup(name, one, data) {
  const [, heads, length, D] = shapeOf(name, one);
  const group = heads === one.shape[2] ? 1 : one.shape[1] / one.shape[2];
  return { shape: [1, group, length, D], data: data.slice(0, group * length * D) };
}

/** The largest difference of the results from float64, in the first key/value head and its query heads; Infinity if not finite. */
export async function errorOf(one, inputs, outputs) {
  const part = (name, data) => {
    const { shape, data: numbers } = firstGroup(name, one, data);
    return flash.tensor(numbers, shape);
  };
  const [q, k, v, dout] = ['q', 'k', 'v', 'dout'].map((name) => inputs[name] && part(name, inputs[name]));
  const result = await flash.attention(q, k, v, { causal: one.causal, algorithm: 'reference' });
  const truth = { out: result.out, ...(dout ? await result.backward(dout) : {}) };
  let worst = 0;
  for (const name of outputsOf(one)) {
    const expected = await truth[name].data();
    const got = firstGroup(name, one, outputs[name]).data;
    for (let i = 0; i < expected.length; i++) {
      const error = Math.abs(got[i] - expected[i]);
      if (!(error <= worst)) worst = Number.isFinite(error) ? error : Infinity;
    }
  }
  return worst;
}

/** (B,H,N,D) to (B,N,H,D), or back with H and N exchanged. */
export const swapAxes = (data, [B, H, N, D]) => exchangeAxes(data, B, H, N, D);
