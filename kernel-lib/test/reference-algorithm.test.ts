import { attention } from '../src/api/attention';
import { parseCase, caseName } from '../src/check/case-name';
import { checkCases } from '../src/check/cases';
import { checkCase } from '../src/check/check-case';
import { randn } from '../src/tensor/random';

// On the CPU alone: only the name of a device is asked for.
jest.mock('../src/device/default-device', () => ({ device: () => Promise.resolve({ name: 'none' }) }));

describe("algorithm 'reference', without a device", () => {
  test.each(checkCases().map(caseName))('%s', async (name) => {
    const rows = await checkCase(parseCase(name), 'reference');
    expect(rows.filter(({ ok }) => !ok)).toEqual([]);
  });

  const inputs = (N: number) => [1, 2, 3].map((seed) => randn([1, 2, N, 64], { seed }));

  test('tells its path, its seed, and that it took no device', async () => {
    const [q, k, v] = inputs(5);
    const result = await attention(q, k, v, { algorithm: 'reference', dropout: 0.5, seed: 7 });
    expect(result.seed).toBe(7);
    expect(result.info).toMatchObject({ path: expect.stringContaining('reference'), tiles: null, deviceBytes: 0 });
    expect((await attention(q, k, v, { algorithm: 'reference' })).seed).toBeUndefined();
  });

  test('tells its progress, and stops where it is when it is aborted', async () => {
    const [q, k, v] = inputs(600);
    const control = new AbortController();
    const reason = new Error('enough');
    const fractions: number[] = [];
    const onProgress = (fraction: number): void => {
      fractions.push(fraction);
      if (fraction > 0.3) control.abort(reason);
    };
    const call = attention(q, k, v, { algorithm: 'reference', signal: control.signal, onProgress });
    await expect(call).rejects.toBe(reason);
    expect(fractions.length).toBeGreaterThan(1);
    expect(fractions.at(-1)).toBeLessThan(0.6);
  });

  test('backward may be called again, and gives the same', async () => {
    const [q, k, v] = inputs(9);
    const { out, backward, dispose } = await attention(q, k, v, { algorithm: 'reference', causal: true });
    const dout = randn(out.shape, { seed: 4 });
    const [first, second] = [await backward(dout), await backward(dout)];
    for (const name of ['dq', 'dk', 'dv'] as const) expect(await second[name].data()).toEqual(await first[name].data());
    dispose();
    await expect(backward(dout)).rejects.toMatchObject({ code: 'DISPOSED' });
  });
});
