import { packParams } from '../wgsl/params';
import type { FlashDevice } from './device';
import type { Step } from './dispatch';
import { COPY_DST, UNIFORM } from './gpu-constants';
import type { Pipeline } from './pipeline-cache';
import type { Uniforms } from './uniforms';

/** Of steps that came again: what binds their buffers and a uniform block of their own. */
const kept = new WeakMap<Step, GPUBindGroup | 'seen'>();

/** The bind group of a slice of a step; that of a whole step which comes again is made once. */
export function bindGroupFor(
  device: FlashDevice,
  step: Step,
  first: number,
  { layout }: Pipeline,
  uniforms: Uniforms,
): GPUBindGroup {
  const known = first === 0 ? kept.get(step) : undefined;
  if (known && known !== 'seen') return known;
  const { gpu } = device;
  const bytes = packParams(step.params, first);
  let block: GPUBuffer;
  if (known) {
    block = gpu.createBuffer({ size: bytes.byteLength, usage: UNIFORM | COPY_DST, label: 'kept for uniforms' });
    gpu.queue.writeBuffer(block, 0, bytes);
  } else block = uniforms.with(bytes);
  const resources = [{ buffer: block }, ...step.buffers];
  const entries = resources.map((resource, binding) => ({ binding, resource }));
  const group = gpu.createBindGroup({ layout, entries });
  if (first === 0) kept.set(step, known ? group : 'seen');
  return group;
}

/** After an error: what was prepared may be what there was no memory for. */
export const forgetPrepared = (step: Step): boolean => kept.delete(step);
