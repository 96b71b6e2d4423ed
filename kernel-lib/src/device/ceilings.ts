import { enableMatrices, matrixEntry, matrixTypes, type MatrixUnit } from '../wgsl/matrix-types';
import { paramsStruct } from '../wgsl/params';
import type { FlashDevice } from './device';
import { runSteps, type Step } from './dispatch';

/** What simple loops reach on a device: upper bounds to hold a kernel's rate against. */
export interface Ceilings {
  /** Fused multiply-adds on independent vec4 sums, two operations each. */
  readonly fmaGflops: number;
  /** exp2 on independent vec4s. */
  readonly expGops: number;
  /** Reading and writing a buffer, both counted. */
  readonly copyGBs: number;
  /** Products of halves on matrix units, summed in floats; null where kernels would not use such units. */
  readonly matrixGflops: number | null;
  /** 'gpu' by timestamps, 'wall' where there are none. */
  readonly clock: 'gpu' | 'wall';
}

const THREADS = 64;
const TURNS = 8;
/** Independent vec4 chains of a thread, so that no operation waits for the one before. */
const CHAINS = 8;
/** Operations of a chain in a turn: the loop itself, which a CPU driver pays for with a select a variable, is then little. */
const REPEATS = 8;

const chains = (line: (i: number) => string): string =>
  Array.from({ length: CHAINS }, (_, i) => line(i)).join('\n    ');

/** A loop of `turns` over all chains; the sum is stored, so that nothing can be left out. */
const loopKernel = (label: string, turn: (i: number) => string): Step['kernel'] => ({
  label,
  access: ['read', 'read_write'],
  code: `
${paramsStruct({ turns: 0 })}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> source: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> sink: array<vec4f>;
@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) id: vec3u, @builtin(local_invocation_index) lid: u32) {
  let at = (params.first + id.x) * ${THREADS}u + lid;
  let a = source[at];
  ${chains((i) => `var s${i} = a + ${i}.0;`)}
  for (var n = 0u; n < params.turns; n++) {
    ${Array.from({ length: REPEATS }, () => chains(turn)).join('\n    ')}
  }
  sink[at] = ${Array.from({ length: CHAINS }, (_, i) => `s${i}`).join(' + ')};
}`,
});

const fma = loopKernel('ceiling fma', (i) => `s${i} = fma(s${i}, a, a);`);
const exp = loopKernel('ceiling exp2', (i) => `s${i} = exp2(-abs(s${i}));`);
const copy = loopKernel('ceiling copy', (i) => `s${i} = s${i};`);

/** Independent sums of a subgroup, each multiplied again and again by the same two matrices. */
const MATRIX_CHAINS = 4;

/** A workgroup is a subgroup; its result takes as much of the sink as its threads have elsewhere. */
function matrixKernel(unit: MatrixUnit): Step['kernel'] {
  const { N, K, lanes } = unit;
  const sums = Array.from({ length: MATRIX_CHAINS }, (_, i) => `s${i}`);
  const multiply = sums.map((s) => `${s} = subgroupMatrixMultiplyAccumulate(a, b, ${s});`).join(' ');
  return {
    label: 'ceiling matrices',
    access: ['read', 'read_write'],
    code: `
${enableMatrices(unit)}
${matrixTypes(unit)}
${paramsStruct({ turns: 0 })}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> source: array<vec4u>;
@group(0) @binding(2) var<storage, read_write> sink: array<vec4u>;
${matrixEntry(unit, lanes)}
fn main(@builtin(workgroup_id) id: vec3u) {
  let at = (params.first + id.x) * ${THREADS}u;
  let a = subgroupMatrixLoad<Left, row_major>(&source, at, ${K / 8}u);
  let b = subgroupMatrixLoad<Right, row_major>(&source, at, ${N / 8}u);
  ${sums.map((s) => `var ${s} = Result();`).join('\n  ')}
  for (var n = 0u; n < params.turns; n++) {
    ${Array.from({ length: REPEATS }, () => multiply).join('\n    ')}
  }
  ${sums.map((s) => `subgroupMatrixStore<row_major>(&sink, at, ${s}, ${N / 4}u);`).join('\n  ')}
}`,
  };
}

const known = new WeakMap<FlashDevice, Promise<Ceilings>>();

/** The ceilings of a device, measured once. */
export function ceilingsOf(device: FlashDevice): Promise<Ceilings> {
  const measuring = known.get(device) ?? measureCeilings(device);
  known.set(device, measuring);
  measuring.catch(() => known.delete(device));
  return measuring;
}

/** Runs each loop until it takes some 100 ms, and the best of three. */
export async function measureCeilings(device: FlashDevice): Promise<Ceilings> {
  const hardware = device.facts.kind === 'hardware';
  const workgroups = hardware ? 16384 : 1024;
  const bytes = Math.min(workgroups * THREADS * 16, device.facts.maxBinding);
  const source = await device.allocate(bytes, 'ceiling source');
  const sink = await device.allocate(bytes, 'ceiling sink');
  let clock: Ceilings['clock'] = 'gpu';
  const best = async (kernel: Step['kernel'], turns: number, flops: number): Promise<number> => {
    const step: Step = {
      kernel,
      params: { turns },
      buffers: [{ buffer: source }, { buffer: sink }],
      workgroups,
      flops,
    };
    let ms = Infinity;
    for (let run = 0; run < 4; run++) {
      const start = performance.now();
      const { gpuMs } = await runSteps(device, [step], {});
      if (gpuMs === null) clock = 'wall';
      // The first run warms up.
      if (run > 0) ms = Math.min(ms, gpuMs ?? performance.now() - start);
    }
    return ms;
  };
  try {
    const turns = hardware ? 16 * TURNS : TURNS;
    const operations = workgroups * THREADS * turns * REPEATS * CHAINS * 4;
    const fmaMs = await best(fma, turns, 2 * operations);
    const expMs = await best(exp, turns, operations);
    const copyMs = await best(copy, 0, workgroups * THREADS * 4);
    const { unit } = device;
    const products = workgroups * turns * REPEATS * MATRIX_CHAINS;
    const matrixFlops = unit ? 2 * products * unit.M * unit.N * unit.K : 0;
    // Last, and without harm: a driver may list units that it cannot use.
    const matrixMs = unit && (await best(matrixKernel(unit), turns, matrixFlops).catch(() => null));
    return {
      matrixGflops: matrixMs && matrixFlops / matrixMs / 1e6,
      fmaGflops: (2 * operations) / fmaMs / 1e6,
      expGops: operations / expMs / 1e6,
      copyGBs: (2 * bytes) / copyMs / 1e6,
      clock,
    };
  } finally {
    device.free(source);
    device.free(sink);
  }
}
