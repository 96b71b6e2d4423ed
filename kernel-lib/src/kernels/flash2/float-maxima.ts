import type { Problem } from '../../api/problem';
import type { DeviceFacts } from '../../device/device';
import type { Step } from '../../device/dispatch';
import type { Kernel } from '../../device/pipeline-cache';
import { paramsStruct } from '../../wgsl/params';
import { type Operands, slices } from '../operands';
import type { ForwardTile } from './choose-tile';
import { SCALED, type Scaled } from './float-parts';

// The largest numbers of tensors, from which float-parts.ts takes the powers of two: one pass over each, bound by memory.

const THREADS = 64;
/** Words of a thread. */
const EACH = 32;

/** Whether a kernel with this tile wants them. */
const wants = (tile: ForwardTile): boolean => 'unit' in tile && tile.parts === 2;

/** Four words for each slice, where a uniform binding may begin. */
const BYTES = 256;

/** The buffer, zeroed, if the tile's kernel wants it. */
export function maximaUpload(tile: ForwardTile, p: Problem, facts: DeviceFacts): Record<string, Uint32Array> {
  return wants(tile) ? { maxima: new Uint32Array((BYTES / 4) * slices(p, facts).length) } : {};
}

/** How a kernel of slice n binds them, last of all. */
export const maximaBinding = (
  tile: ForwardTile,
  buffers: Readonly<Record<string, GPUBuffer>>,
  n: number,
): GPUBufferBinding[] => (wants(tile) ? [{ buffer: buffers.maxima, offset: n * BYTES, size: 16 }] : []);

const params = {};
const kernels = new Map<Scaled, Kernel>();

function kernelFor(name: Scaled): Kernel {
  const code = `
${paramsStruct(params)}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> source: array<u32>;
@group(0) @binding(2) var<storage, read_write> maxima: array<atomic<u32>, 4>;
var<workgroup> most: atomic<u32>;
// Floats without their sign are ordered as their bits are.
@compute @workgroup_size(${THREADS})
fn main(@builtin(workgroup_id) id: vec3u, @builtin(local_invocation_index) lid: u32) {
  let first = (params.first + id.x) * ${THREADS * EACH}u + lid;
  var top = 0u;
  for (var n = 0u; n < ${EACH}u + params.zero; n++) {
    let at = first + n * ${THREADS}u;
    if (at < arrayLength(&source)) { top = max(top, source[at] & 0x7fffffffu); }
  }
  atomicMax(&most, top);
  workgroupBarrier();
  if (lid == 0u) { atomicMax(&maxima[${SCALED.indexOf(name)}], atomicLoad(&most)); }
}`;
  const kernel = kernels.get(name) ?? { label: 'flash2 maxima', code, access: ['read', 'read_write'] };
  kernels.set(name, kernel);
  return kernel;
}

/** Finds them for slice n, if the tile's kernel wants them. */
export function maximaSteps(
  tile: ForwardTile,
  operands: Operands,
  buffers: Readonly<Record<string, GPUBuffer>>,
  n: number,
): Step[] {
  if (!wants(tile)) return [];
  return SCALED.map((name) => {
    const source = operands.bind(name, buffers[name]);
    const words = (source.size ?? buffers[name].size) / 4;
    return {
      kernel: kernelFor(name),
      params,
      buffers: [source, { buffer: buffers.maxima, offset: n * BYTES, size: 16 }],
      workgroups: Math.ceil(words / THREADS / EACH),
      flops: words,
    };
  });
}
