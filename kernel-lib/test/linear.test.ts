import { onDevice } from '../src/api/on-device';
import { defaultDevice } from '../src/device/default-device';
import type { DeviceFacts, FlashDevice } from '../src/device/device';
import type { Plan } from '../src/device/plan';
import { linearBackward, linearForward, type Projection } from '../src/kernels/linear/plan';
import * as flash from '../src/node';
import { fromBuffer } from '../src/tensor/tensor';
import { onEachAdapter } from './support/devices';

// The products of a linear layer against sums in float64.

interface Case {
  M: number;
  K: number;
  N: number;
  bias?: boolean;
}

const projection = ({ K, N, bias = true }: Case, name = ''): Projection => ({
  ...{ input: 'x', output: `y${name}`, weight: `w${name}`, K, N },
  ...(bias ? { bias: `b${name}` } : {}),
});

interface Matrix {
  rows: number;
  columns: number;
  at(row: number, column: number): number;
}

const matrix = (data: ArrayLike<number>, rows: number, columns: number): Matrix => ({
  ...{ rows, columns },
  at: (row, column) => data[row * columns + column],
});

const transposed = ({ rows, columns, at }: Matrix): Matrix => ({
  ...{ rows: columns, columns: rows },
  at: (row, column) => at(column, row),
});

/** a b in float64, and what the terms of each sum add up to without their signs. */
function product(a: Matrix, b: Matrix): { sums: Float64Array; sizes: Float64Array } {
  const sums = new Float64Array(a.rows * b.columns);
  const sizes = sums.slice();
  for (let i = 0; i < a.rows; i++) {
    for (let j = 0; j < b.columns; j++) {
      for (let n = 0; n < a.columns; n++) {
        const term = a.at(i, n) * b.at(n, j);
        sums[i * b.columns + j] += term;
        sizes[i * b.columns + j] += Math.abs(term);
      }
    }
  }
  return { sums, sizes };
}

/** float32 sums of up to some hundred terms: far less than a hundred roundings of what was added up. */
function expectSums(name: string, made: Float32Array, { sums, sizes }: ReturnType<typeof product>): void {
  expect([name, made.length]).toEqual([name, sums.length]);
  made.forEach((x, n) => {
    if (!(Math.abs(x - sums[n]) <= 1e-6 * (sizes[n] + 1)))
      throw new Error(`${name}[${n}]: expected ${sums[n]}, got ${x}`);
  });
}

const ones = (rows: number): Matrix => ({ rows: 1, columns: rows, at: () => 1 });

async function run(
  tensors: Record<string, flash.Tensor>,
  choose: (facts: DeviceFacts) => Plan,
): Promise<Record<string, Float32Array>> {
  const { device, outputs, info } = await onDevice(tensors, choose, {});
  expect(info.dispatches).toBeGreaterThan(0);
  const made: Record<string, Float32Array> = {};
  for (const [name, buffer] of Object.entries(outputs)) {
    const t = fromBuffer(device, buffer, [buffer.size / 4]);
    made[name] = await t.data();
    t.dispose();
  }
  return made;
}

async function checkBoth(c: Case): Promise<void> {
  const { M, K, N, bias = true } = c;
  const tensors = {
    x: flash.randn([M, K], { seed: 1 }),
    w: flash.randn([N, K], { seed: 2 }),
    ...(bias ? { b: flash.randn([N], { seed: 3 }) } : {}),
  };
  const dy = flash.randn([M, N], { seed: 4 });
  const [x, w, d] = [
    matrix(await tensors.x.data(), M, K),
    matrix(await tensors.w.data(), N, K),
    matrix(await dy.data(), M, N),
  ];
  const forward = await run(tensors, (facts) => linearForward(M, [projection(c)], facts));
  const y = product(x, transposed(w));
  if (tensors.b)
    (await tensors.b.data()).forEach((b, n) => {
      for (let m = 0; m < M; m++) y.sums[m * N + n] += b;
    });
  expectSums('y', forward.y.subarray(0, M * N), y);
  const back = await run({ ...tensors, dy }, (facts) => linearBackward(M, [projection(c)], facts));
  expect(Object.keys(back)).toEqual(['dx', 'dw', ...(bias ? ['db'] : [])]);
  expectSums('dx', back.dx.subarray(0, M * K), product(d, w));
  expectSums('dw', back.dw.subarray(0, N * K), product(transposed(d), x));
  if (bias) expectSums('db', back.db.subarray(0, N), product(ones(M), d));
}

onEachAdapter('linear layers', () => {
  const cases: Case[] = [
    { M: 1, K: 1, N: 1 },
    { M: 7, K: 4, N: 8, bias: false },
    { M: 33, K: 36, N: 20 },
    { M: 130, K: 100, N: 68 },
    { M: 70, K: 65, N: 37 },
  ];
  test.each(cases)('%j', checkBoth);

  describe('of a device with other facts', () => {
    let device: FlashDevice;
    let own: DeviceFacts;
    const pretend = (facts: Partial<DeviceFacts>): void => void Object.assign(device, { facts: { ...own, ...facts } });
    beforeAll(async () => {
      device = await defaultDevice();
      own = device.facts;
    });
    afterEach(() => pretend({}));

    test.each(cases.slice(2))('with the tiles of a GPU: %j', async (c) => {
      pretend({ kind: 'hardware', driver: 'unknown', subgroupSize: 0 });
      await checkBoth(c);
    });

    test('rows beyond one binding', async () => {
      pretend({ maxBinding: 64 * 4 * 68 });
      await checkBoth({ M: 200, K: 68, N: 36 });
    });

    test('a weight beyond one binding is refused', () => {
      const facts = { ...own, maxBinding: 1024 };
      const refused = { code: 'OUT_OF_MEMORY', message: expect.stringMatching(/^w: .*1024.* 4096\./) };
      const plan = (): Plan => linearForward(2, [projection({ M: 2, K: 32, N: 32 })], facts);
      expect(plan).toThrow(expect.objectContaining(refused));
    });
  });

  test('projections of one input add up to its gradient', async () => {
    const [M, K] = [5, 12];
    const sizes = { a: 8, b: 6 };
    const x = flash.randn([M, K], { seed: 1 });
    const tensors: Record<string, flash.Tensor> = { x };
    const expected = { sums: new Float64Array(M * K), sizes: new Float64Array(M * K) };
    for (const [name, N] of Object.entries(sizes)) {
      tensors[`w${name}`] = flash.randn([N, K], { seed: N });
      tensors[`dy${name}`] = flash.randn([M, N], { seed: N + 1 });
      const dy = matrix(await tensors[`dy${name}`].data(), M, N);
      const part = product(dy, matrix(await tensors[`w${name}`].data(), N, K));
      for (const key of ['sums', 'sizes'] as const) part[key].forEach((value, n) => (expected[key][n] += value));
    }
    const all = Object.entries(sizes).map(([name, N]) => projection({ M, K, N, bias: false }, name));
    const { dx } = await run(tensors, (facts) => linearBackward(M, all, facts));
    expectSums('dx', dx.subarray(0, M * K), expected);
  });
});
