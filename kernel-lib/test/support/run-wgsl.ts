import { defaultDevice } from '../../src/device/default-device';
import { runPlan } from '../../src/device/plan';
import { type Params, paramsStruct } from '../../src/wgsl/params';

/** Threads of a workgroup. */
const THREADS = 64;

/** What a few functions of WGSL are evaluated over. */
export interface Evaluation {
  /** Module scope: the functions, and storage buffers from binding 2 on. */
  readonly code: string;
  readonly params: Params;
  /** Contents of those buffers, in the order of their bindings. */
  readonly inputs: readonly Uint32Array[];
  /** How many results there are. */
  readonly count: number;
  /** WGSL expression of type u32: result n. */
  readonly result: string;
}

/** Evaluates `result` for n = 0 .. count - 1 on the default device, as the kernels would: uniforms at binding 0. */
export async function runWgsl({ code, params, inputs, count, result }: Evaluation): Promise<Uint32Array> {
  const device = await defaultDevice();
  const all: Params = { ...params, count };
  const kernel = {
    label: 'evaluation',
    code: `
${paramsStruct(all)}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> results: array<u32>;
${code}
fn evaluate(n: u32) -> u32 { return ${result}; }
@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) id: vec3u, @builtin(local_invocation_index) lid: u32) {
  let n = (params.first + id.x) * ${THREADS}u + lid;
  if (n < params.count) { results[n] = evaluate(n); }
}`,
    access: ['read_write' as const, ...inputs.map(() => 'read' as const)],
  };
  const uploads = Object.fromEntries(inputs.map((words, n) => [`input${n}`, words]));
  const plan = {
    path: 'evaluation',
    tiles: null,
    outputs: { results: 4 * count },
    scratch: {},
    uploads,
    steps: (buffers: Readonly<Record<string, GPUBuffer>>) => [
      {
        kernel,
        params: all,
        buffers: ['results', ...Object.keys(uploads)].map((name) => ({ buffer: buffers[name] })),
        workgroups: Math.ceil(count / THREADS),
        flops: count,
      },
    ],
  };
  const { outputs } = await runPlan(device, plan, {}, {});
  try {
    return new Uint32Array(await device.read(outputs.results, 4 * count));
  } finally {
    device.free(outputs.results);
  }
}

/** Words as the floats whose bits they are. */
export const asFloats = (words: Uint32Array): Float32Array => new Float32Array(words.buffer);
