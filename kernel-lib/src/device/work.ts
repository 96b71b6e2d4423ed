import { FlashError } from '../api/errors';
import type { FlashDevice } from './device';
import type { Step } from './dispatch';
import type { Kernel } from './pipeline-cache';

/** What a run needs to know of its steps. */
export interface Work {
  /** Those with something to do. */
  readonly steps: readonly Step[];
  readonly kernels: readonly Kernel[];
  /** Names of the kernels, each once. */
  readonly labels: readonly string[];
  readonly flops: number;
  /** Buffers that kernels write. */
  readonly written: readonly GPUBuffer[];
}

/** Of steps that may come again: see layOut in plan.ts. */
const known = new WeakMap<readonly Step[], Work>();

/** Looks through steps; refuses, before anything is submitted, what the device cannot bind. */
export function workOf(device: FlashDevice, all: readonly Step[]): Work {
  const work = known.get(all) ?? lookThrough(device, all);
  known.set(all, work);
  return work;
}

function lookThrough({ facts }: FlashDevice, all: readonly Step[]): Work {
  const steps = all.filter(({ workgroups }) => workgroups > 0);
  const written = new Set<GPUBuffer>();
  for (const { kernel, buffers } of steps) {
    for (const [n, { buffer, offset = 0, size = buffer.size - offset }] of buffers.entries()) {
      if (kernel.access[n] === 'read_write') written.add(buffer);
      if (size <= facts.maxBinding || kernel.access[n] === 'uniform') continue;
      throw new FlashError(
        'OUT_OF_MEMORY',
        `${buffer.label || kernel.label}: expected at most ${facts.maxBinding} bytes, what one binding of this device holds, got ${size}.`,
      );
    }
  }
  return {
    steps,
    kernels: [...new Set(steps.map(({ kernel }) => kernel))],
    labels: [...new Set(steps.map(({ kernel }) => kernel.label))],
    flops: steps.reduce((sum, { flops }) => sum + flops, 0),
    written: [...written],
  };
}
