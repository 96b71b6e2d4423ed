// npm run bench:calls: what a small call costs beside an empty dispatch whose result is read back, medians in ms. `to submit` is the
// time that the calling thread takes until the GPU has its work; FLASH_ADAPTER chooses the adapter.
import { createRequire } from 'node:module';

const require = createRequire(new URL('../kernel-lib/package.json', import.meta.url));
const flash = require('./dist/cjs/node/index.js');
const { defaultDevice } = require('./dist/cjs/device/default-device.js');
const { median } = require('./dist/cjs/experiments/measure.js');

const { gpu, info } = await defaultDevice();
const [STORAGE, COPY_SRC, MAP_READ, COPY_DST] = [0x80, 0x4, 0x1, 0x8];
const code =
  '@group(0) @binding(0) var<storage, read_write> o: array<f32>; @compute @workgroup_size(8) fn main() { o[0] = 1.0; }';
const pipeline = gpu.createComputePipeline({ layout: 'auto', compute: { module: gpu.createShaderModule({ code }) } });
const [source, target] = [STORAGE | COPY_SRC, MAP_READ | COPY_DST].map((usage) =>
  gpu.createBuffer({ size: 16384, usage }),
);
const entries = [{ binding: 0, resource: { buffer: source } }];
const group = gpu.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });

async function empty() {
  const encoder = gpu.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, group);
  pass.dispatchWorkgroups(1);
  pass.end();
  encoder.copyBufferToBuffer(source, 0, target, 0, 16384);
  gpu.queue.submit([encoder.finish()]);
  await target.mapAsync(1);
  target.getMappedRange().slice(0);
  target.unmap();
}

let submitted = 0;
const submit = gpu.queue.submit.bind(gpu.queue);
gpu.queue.submit = (commands) => {
  submit(commands);
  submitted = performance.now();
};

const x = flash.randn([1, 1, 64, 64], { seed: 1 });
/** Milliseconds by name, of calls that come after the first ones: those compile, and the compiler of JavaScript learns for long. */
const times = {};
const [FIRST, ALL] = [1000, 2000];
const note = (n, ms) => {
  for (const [name, value] of Object.entries(ms)) if (n >= FIRST) (times[name] ??= []).push(value);
};

// Forward, its data, backward, one after the other, with the empty dispatch in between.
for (let n = 0; n < ALL; n++) {
  const start = performance.now();
  await empty();
  const begin = performance.now();
  const result = await flash.attention(x, x, x);
  const mixedForward = submitted - begin;
  const there = performance.now();
  await result.out.data();
  const read = performance.now();
  const { dq, dk, dv } = await result.backward(x);
  const end = performance.now();
  note(n, { empty: begin - start, forward: there - begin, data: read - there, backward: end - read });
  note(n, { mixedForward, mixedBackward: submitted - read, gpu: result.info.gpuMs });
  for (const part of [result, dq, dk, dv]) part.dispose();
}
// The same call again and again.
for (let n = 0; n < ALL; n++) {
  const begin = performance.now();
  const result = await flash.attention(x, x, x);
  note(n, { forwardSubmit: submitted - begin });
  result.dispose();
}
const result = await flash.attention(x, x, x);
for (let n = 0; n < ALL; n++) {
  const begin = performance.now();
  const { dq, dk, dv } = await result.backward(x);
  note(n, { backwardSubmit: submitted - begin });
  for (const part of [dq, dk, dv]) part.dispose();
}

const ms = Object.fromEntries(Object.entries(times).map(([name, list]) => [name, median(list)]));
const [forward, backward] = [
  [ms.forwardSubmit, ms.mixedForward],
  [ms.backwardSubmit, ms.mixedBackward],
].map(([again, mixed]) => `${again.toFixed(3)} again and again, ${mixed.toFixed(3)} among others`);
console.log(`${info.name}: H 1, N 64, D 64, f32
empty dispatch with readback ${ms.empty.toFixed(3)}
forward ${ms.forward.toFixed(3)}, with its data ${(ms.forward + ms.data).toFixed(3)} (${((ms.forward + ms.data) / ms.empty).toFixed(1)} x empty); on the GPU's clock ${ms.gpu.toFixed(3)}
backward ${ms.backward.toFixed(3)}
to submit: forward ${forward}; backward ${backward}`);
process.exit(0);
