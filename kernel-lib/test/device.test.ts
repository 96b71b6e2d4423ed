import * as flash from '../src/node';
import { chooseBackward, chooseForward } from '../src/api/choose-path';
import { CAUSAL, NO_FEATURES, type Problem } from '../src/api/problem';
import { defaultDevice } from '../src/device/default-device';
import { runSteps } from '../src/device/dispatch';
import { UNIFORM } from '../src/device/gpu-constants';
import type { Plan } from '../src/device/plan';
import { onEachAdapter } from './support/devices';
import { leftBehind } from './support/left-behind';
import { nextSubmit } from './support/next-submit';

const inputs = (N: number, D = 16, H = 2): [flash.Tensor, flash.Tensor, flash.Tensor] => [
  flash.randn([1, H, N, D], { seed: 1 }),
  flash.randn([1, H, N, D], { seed: 2 }),
  flash.randn([1, H, N, D], { seed: 3 }),
];

/** Bytes behind each buffer that no kernel may read into a result or write to. */
const GUARD = 4096;

/**
 * Runs a plan over buffers that are longer than their tensors, filled with NaN where there is no input, but for the `sums`, which
 * begin as every buffer does, with zeros.
 */
async function runGuarded(
  plan: Plan,
  inputsByName: Record<string, Float32Array>,
  sums: string[] = [],
): Promise<Record<string, Float32Array>> {
  const device = await defaultDevice();
  const given = { ...inputsByName };
  for (const [name, words] of Object.entries(plan.uploads ?? {})) given[name] = new Float32Array(words.buffer);
  for (const name of sums) given[name] = new Float32Array(plan.outputs[name] / 4);
  const sizes = { ...Object.fromEntries(Object.entries(given).map(([name, x]) => [name, x.byteLength])) };
  Object.assign(sizes, plan.outputs, plan.scratch);
  const buffers: Record<string, GPUBuffer> = {};
  for (const [name, bytes] of Object.entries(sizes)) {
    buffers[name] = await device.allocate(bytes + GUARD, name, name === 'words' ? UNIFORM : 0);
    const content = new Float32Array(buffers[name].size / 4).fill(NaN);
    content.set(given[name] ?? []);
    device.gpu.queue.writeBuffer(buffers[name], 0, content);
  }
  await runSteps(device, plan.steps(buffers), {});
  const results: Record<string, Float32Array> = {};
  for (const [name, bytes] of Object.entries(sizes)) {
    const content = new Float32Array(await device.read(buffers[name], buffers[name].size));
    device.free(buffers[name]);
    results[name] = content.slice(0, bytes / 4);
    const stray = content.slice(bytes / 4).findIndex((value) => !Number.isNaN(value));
    if (stray >= 0) throw new Error(`${name}: written ${stray} numbers past its end`);
  }
  return results;
}

onEachAdapter('device', (adapter) => {
  test('is the one that was asked for', async () => {
    const info = await flash.device();
    expect(adapter === 'hardware' ? info.kind : info.driver).toBe(adapter);
    expect(info.reason).not.toBe('');
  });

  test.each([
    ['flash2', ['dbias']],
    ['flash1', ['dbias', 'dq']],
    ['naive', ['dbias']],
  ] as const)('%s writes nothing past its outputs and leaves no gap', async (algorithm, sums) => {
    const { facts } = await defaultDevice();
    const problem: Problem = {
      ...NO_FEATURES,
      ...{ B: 1, H: 2, Hk: 1, Nq: 19, Nk: 21, D: 7, Dv: 5, scale: 0.3, band: CAUSAL },
      ...{ layout: 'bhnd', packing: 'none', dtype: 'f32', bias: { shape: [1, 2, 1, 21], dtype: 'f32' } },
    };
    const random = async (n: number, seed: number): Promise<Float32Array> => flash.randn([n], { seed }).data();
    const given = {
      ...{ q: await random(2 * 19 * 7, 1), k: await random(21 * 7, 2), v: await random(21 * 5, 3) },
      bias: await random(2 * 21, 5),
    };
    const call = { problem, algorithm, tiles: null };
    const forward = await runGuarded(chooseForward(call, facts), given);
    const dout = await random(2 * 19 * 5, 4);
    const backward = await runGuarded(chooseBackward(call, facts), { ...forward, ...given, dout }, [...sums]);
    for (const name of ['out', 'lse']) expect(forward[name].every(Number.isFinite)).toBe(true);
    for (const name of ['dq', 'dk', 'dv', 'dbias']) expect(backward[name].every(Number.isFinite)).toBe(true);
  });

  test('the same call gives the same bits', async () => {
    const [q, k, v] = inputs(70);
    const dout = flash.randn(q.shape, { seed: 4 });
    const run = async (): Promise<Float32Array[]> => {
      const r = await flash.attention(q, k, v, { causal: true });
      const { dq, dk, dv } = await r.backward(dout);
      return Promise.all([r.out, r.lse, dq, dk, dv].map((t) => t.data()));
    };
    const first = await run();
    for (let again = 0; again < 3; again++) expect(await run()).toEqual(first);
  });

  test('calls that overlap give what they give alone, and inputs may be disposed of once a call has begun', async () => {
    const alone = await (await flash.attention(...inputs(40))).out.data();
    const calls = [0, 1, 2].map(() => {
      const [q, k, v] = inputs(40);
      const call = flash.attention(q, k, v);
      [q, k, v].forEach((t) => t.dispose());
      return call;
    });
    for (const call of calls) expect(await (await call).out.data()).toEqual(alone);
  });

  test('attentionWeights are the softmax of the chosen rows', async () => {
    const [q, k] = inputs(23);
    const weights = await flash.attentionWeights(q, k, { causal: true, scale: 0.5 }, { rows: [22, 0, 5] });
    expect(weights.shape).toEqual([1, 2, 3, 23]);
    const [p, qs, ks] = await Promise.all([weights.data(), q.data(), k.data()]);
    for (let h = 0; h < 2; h++) {
      [22, 0, 5].forEach((i, r) => {
        const s = Array.from({ length: i + 1 }, (_, j) => {
          let dot = 0;
          for (let d = 0; d < 16; d++) dot += qs[(h * 23 + i) * 16 + d] * ks[(h * 23 + j) * 16 + d];
          return Math.exp(0.5 * dot);
        });
        const l = s.reduce((a, b) => a + b);
        for (let j = 0; j < 23; j++) {
          const expected = j <= i ? s[j] / l : 0;
          expect(Math.abs(p[(h * 3 + r) * 23 + j] - expected)).toBeLessThanOrEqual(4e-6);
        }
      });
    }
    await expect(flash.attentionWeights(q, k, {}, { rows: [23] })).rejects.toThrow('rows: expected queries 0 to 22');
    await expect(flash.attentionWeights(q, k, { casual: true } as never, { rows: [0] })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
  });

  test('long work is cut into submits: progress is told, and an abort stops it and frees everything', async () => {
    const [q, k, v] = inputs(1500, 16, 8);
    const fractions: number[] = [];
    // Also makes sure that the kernels are compiled and the inputs on the device.
    const whole = await flash.attention(q, k, v, { onProgress: (fraction) => fractions.push(fraction) });
    expect(fractions.at(-1)).toBe(1);
    expect(fractions).toEqual([...fractions].sort((a, b) => a - b));
    if (adapter !== 'hardware') expect(whole.info.dispatches).toBeGreaterThan(2);
    whole.dispose();
    const stop = new AbortController();
    const reason = new Error('enough');
    const stopped = async (): Promise<void> => {
      const call = flash.attention(q, k, v, { signal: stop.signal, onProgress: () => stop.abort(reason) });
      if (adapter !== 'hardware') await expect(call).rejects.toBe(reason);
      else await call.then((result) => result.dispose()).catch(() => undefined);
    };
    expect(await leftBehind(stopped)).toBe(0);
    await expect(flash.attention(q, k, v, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const after = await flash.attention(...inputs(9));
    expect((await after.out.data()).every(Number.isFinite)).toBe(true);
  });

  test('an abort does not wait for a submit', async () => {
    if (adapter === 'hardware') return;
    const [q, k, v] = inputs(1500, 16, 8);
    const options = { algorithm: 'flash1' } as const;
    (await flash.attention(q, k, v, options)).dispose();
    const { gpu } = await defaultDevice();
    const stop = new AbortController();
    const stopped = async (): Promise<void> => {
      const submitted = nextSubmit(gpu);
      const call = flash.attention(q, k, v, { ...options, signal: stop.signal });
      await submitted;
      let ended = false;
      const idle = gpu.queue.onSubmittedWorkDone().then(() => (ended = true));
      stop.abort('enough');
      await expect(call).rejects.toBe('enough');
      expect(ended).toBe(false);
      await idle;
    };
    expect(await leftBehind(stopped)).toBe(0);
    const after = await flash.attention(...inputs(9));
    expect((await after.out.data()).every(Number.isFinite)).toBe(true);
  });

  test('an abort while other calls run rejects at once, and after the last submit too', async () => {
    const stop = new AbortController();
    const busy = flash.attention(...inputs(1200, 16, 8));
    let ended = false;
    const following = busy.then(() => (ended = true));
    const waiting = flash.attention(...inputs(5), { signal: stop.signal });
    setTimeout(() => stop.abort('enough'), 5);
    await expect(waiting).rejects.toBe('enough');
    if (adapter !== 'hardware') expect(ended).toBe(false);
    await following;
    const late = new AbortController();
    const short = flash.attention(...inputs(5), { signal: late.signal, onProgress: () => late.abort('too late') });
    await expect(short).rejects.toBe('too late');
  });

  test.each(['flash2', 'naive'] as const)('tidy keeps what %s returned, whole or in part', async (algorithm) => {
    const [q, k, v] = inputs(5);
    const dout = flash.zeros(q.shape);
    const work = async (): Promise<void> => {
      const out = await flash.tidy(async () => (await flash.attention(q, k, v, { algorithm })).out);
      expect((await out.data()).every(Number.isFinite)).toBe(true);
      const r = await flash.tidy(() => flash.attention(q, k, v, { algorithm }));
      const { dq, dk, dv } = await r.backward(dout);
      [out, r, dq, dk, dv].forEach((x) => x.dispose());
    };
    // Only the inputs and dout stay.
    expect(await leftBehind(work)).toBe(4 * 4 * q.size);
  });

  test('a result whose parts are disposed of refuses a backward', async () => {
    const [q, k, v] = inputs(5);
    const r = await flash.attention(q, k, v);
    await expect(r.backward(flash.zeros([1, 2, 5, 3]))).rejects.toMatchObject({ code: 'SHAPE' });
    r.dispose();
    expect([q.disposed, r.out.disposed, r.lse.disposed]).toEqual([false, true, true]);
    await expect(r.backward(flash.zeros(q.shape))).rejects.toMatchObject({ code: 'DISPOSED' });
  });

  test('a lost device rejects what runs, and the next call gets a new one', async () => {
    const [q, k, v] = inputs(1200, 16, 8);
    const kept = await flash.attention(...inputs(5));
    const lost = await defaultDevice();
    const running = flash.attention(q, k, v, { onProgress: () => lost.gpu.destroy() });
    await expect(running).rejects.toMatchObject({ name: 'FlashError', code: 'DEVICE_LOST' });
    // What lived only there is refused; what the host knows goes on.
    await expect(kept.out.data()).rejects.toMatchObject({ code: 'DEVICE_LOST' });
    const again = await flash.attention(...inputs(5));
    expect(await defaultDevice()).not.toBe(lost);
    expect((await again.out.data()).every(Number.isFinite)).toBe(true);
    expect(Math.abs((await q.data())[0])).toBeGreaterThan(0);
  });

  test('a second init ends the first device', async () => {
    const r = await flash.attention(...inputs(5));
    const first = await defaultDevice();
    await flash.init();
    expect(await defaultDevice()).not.toBe(first);
    await expect(flash.attention(r.out, r.out, r.out)).rejects.toMatchObject({
      code: 'DEVICE_LOST',
      message: expect.stringMatching(/^q: expected a tensor of the current device/),
    });
    await expect(flash.init({ adapter: 'fast' as never })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });
});
