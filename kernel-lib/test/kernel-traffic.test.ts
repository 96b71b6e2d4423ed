import { CAUSAL, NO_FEATURES, type Band, type Problem } from '../src/api/problem';
import { exactTraffic, type TrafficTerm } from '../src/cost/memory-traffic';
import { defaultDevice } from '../src/device/default-device';
import type { Step } from '../src/device/dispatch';
import type { Kernel } from '../src/device/pipeline-cache';
import { runPlan, type Plan } from '../src/device/plan';
import { flash1Forward } from '../src/kernels/flash1/plan';
import { forceTile } from '../src/kernels/flash2/choose-tile';
import { flash2Forward } from '../src/kernels/flash2/plan';
import { onEachAdapter } from './support/devices';

// Counters in the kernels themselves: every load and store of a tensor in device memory adds its elements to one more buffer.
// What they show after a run must be the exact terms of the model (src/cost/memory-traffic.ts), tensor by tensor.

const TENSORS = ['q', 'k', 'v', 'out', 'lse', 'l', 'm'] as const;
type Counted = (typeof TENSORS)[number];
type Counts = Record<Counted, { reads: number; writes: number }>;

/** The kernel with counters: in its functions that load and store rows, and at the lines that touch m, l and lse. */
function counting({ label, code, access }: Kernel, { D, Dv }: Problem): Kernel {
  const places = new Set<string>();
  const add = (tensor: Counted, way: 'reads' | 'writes', elements = '1u'): string => {
    places.add(`${way} ${tensor}`);
    return `atomicAdd(&traffic[${2 * TENSORS.indexOf(tensor) + (way === 'reads' ? 0 : 1)}u], ${elements});`;
  };
  const tensorOf = (name: string): Counted => (name === 'o' ? 'out' : (name as Counted));
  const inRow = (name: string): string => `min(4u, ${name === 'q' || name === 'k' ? D : Dv}u - 4u * d)`;
  const counted = code
    .replace(/fn load_(\w+)\(.*\{/g, (head, name: string) => `${head} ${add(tensorOf(name), 'reads', inRow(name))}`)
    .replace(/fn store_(\w+)\(.*\{/g, (head, name: string) => `${head} ${add(tensorOf(name), 'writes', inRow(name))}`)
    .replace(/^.*\blse\[.*\] = .*$/gm, (line) => `${add('lse', 'writes')} ${line}`)
    .replace(/^.*\bstate\[.*\] = .*$/gm, (line) => `${add('m', 'writes')} ${add('l', 'writes')} ${line}`)
    .replace(/^.* = state\[at\]\.x;$/gm, (line) => `${add('m', 'reads')} ${line}`)
    .replace(/^.* = state\[at\]\.y;$/gm, (line) => `${add('l', 'reads')} ${line}`)
    .replace(/^.* = state\[base.*\];$/gm, (line) => `${add('m', 'reads')} ${add('l', 'reads')} ${line}`);
  // A kernel that was rewritten must not slip past its counters.
  expect([...places].sort().join(', ')).toBe(PLACES[label]);
  const buffer = `@group(0) @binding(${access.length + 1}) var<storage, read_write> traffic: array<atomic<u32>>;`;
  return { label, code: `${counted}\n${buffer}`, access: [...access, 'read_write'] };
}

/** What each kernel touches. */
const PLACES: Readonly<Record<string, string>> = {
  'flash1 initialise': 'writes l, writes m, writes out',
  'flash1 forward': 'reads k, reads l, reads m, reads out, reads q, reads v, writes l, writes m, writes out',
  'flash1 lse': 'reads l, reads m, writes lse',
  'flash2 forward': 'reads k, reads q, reads v, writes lse, writes out',
};

/** Runs a plan with counters over inputs of zeros. */
async function count(problem: Problem, plan: Plan): Promise<Counts> {
  const device = await defaultDevice();
  const { B, H, Hk, Nq, Nk, D, Dv } = problem;
  const totalQ = problem.sequences ? problem.sequences.cuSeqlensQ[B] : B * Nq;
  const totalK = problem.sequences ? problem.sequences.cuSeqlensK[B] : B * Nk;
  const sizes = { q: H * totalQ * D, k: Hk * totalK * D, v: Hk * totalK * Dv };
  const made: GPUBuffer[] = [];
  try {
    const inputs: Record<string, GPUBuffer> = {};
    for (const [name, size] of Object.entries(sizes)) made.push((inputs[name] = await device.allocate(4 * size, name)));
    const steps = (buffers: Readonly<Record<string, GPUBuffer>>): Step[] =>
      plan.steps(buffers).map((step) => ({
        ...step,
        kernel: counting(step.kernel, problem),
        buffers: [...step.buffers, { buffer: buffers.traffic }],
      }));
    const outputs = { ...plan.outputs, traffic: 4 * 2 * TENSORS.length };
    const result = await runPlan(device, { ...plan, outputs, steps }, inputs, {});
    made.push(...Object.values(result.outputs));
    const counts = new Uint32Array(await device.read(result.outputs.traffic, outputs.traffic));
    const entries = TENSORS.map((tensor, t) => [tensor, { reads: counts[2 * t], writes: counts[2 * t + 1] }]);
    return Object.fromEntries(entries) as Counts;
  } finally {
    for (const buffer of made) device.free(buffer);
  }
}

/** The exact terms, tensor by tensor. */
function expected(terms: readonly TrafficTerm[]): Counts {
  const counts = Object.fromEntries(TENSORS.map((tensor) => [tensor, { reads: 0, writes: 0 }])) as Counts;
  for (const { tensor, reads, writes } of terms) {
    counts[tensor as Counted].reads += reads;
    counts[tensor as Counted].writes += writes;
  }
  return counts;
}

const base: Problem = {
  ...NO_FEATURES,
  ...{ B: 1, H: 1, Hk: 1, Nq: 20, Nk: 20, D: 8, Dv: 8 },
  ...{ scale: 0.5, layout: 'bhnd', packing: 'none', dtype: 'f32' },
};
const window: Band = { left: 5, right: 2 };
const sequences = { cuSeqlensQ: Int32Array.of(0, 9, 12, 27), cuSeqlensK: Int32Array.of(0, 14, 21, 37) };

const cases: [string, Partial<Problem>][] = [
  ['one head', {}],
  ['causal', { band: CAUSAL }],
  [
    'grouped heads, unlike lengths, rows that are no vec4s',
    { B: 2, H: 4, Hk: 2, Nq: 23, Nk: 37, D: 7, Dv: 5, band: CAUSAL },
  ],
  ['more queries than keys, causal', { Nq: 31, Nk: 10, band: CAUSAL }],
  ['a window', { H: 2, Hk: 2, Nq: 33, Nk: 29, band: window }],
  ['a window that leaves keys unseen', { Nq: 6, Nk: 40, band: window }],
  ['packed sequences', { B: 3, H: 2, Nq: 15, Nk: 16, band: CAUSAL, sequences }],
];

onEachAdapter('counters in the kernels', () => {
  describe.each([
    { br: 4, bc: 8 },
    { br: 7, bc: 3 },
  ])('tiles %j', (tile) => {
    test.each(cases)('%s: equal the exact terms of both algorithms', async (_, more) => {
      const problem = { ...base, ...more };
      const { facts } = await defaultDevice();
      const plans = {
        flash1: flash1Forward(problem, facts, tile),
        flash2: flash2Forward(problem, facts, forceTile('forward', tile, problem, facts).tile),
      };
      for (const algorithm of ['flash1', 'flash2'] as const) {
        const { terms } = exactTraffic(problem, algorithm, tile);
        expect([algorithm, await count(problem, plans[algorithm])]).toEqual([algorithm, expected(terms)]);
      }
    });
  });
});
