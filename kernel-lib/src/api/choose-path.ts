import type { DeviceFacts } from '../device/device';
import type { Plan } from '../device/plan';
import { flash2Backward, flash2Forward } from '../kernels/flash2/plan';
import { forceTile } from '../kernels/flash2/choose-tile';
import { naiveBackward, naiveForward } from '../kernels/naive/plan';
import { FlashError } from './errors';
import type { CheckedCall } from './validate';

type GpuCall = Pick<CheckedCall, 'problem' | 'tiles'> & { readonly algorithm: 'flash2' | 'flash1' | 'naive' };

/** Kernels and tiles of a forward pass: a pure function of the problem, the options and what the device can hold. */
export function chooseForward({ problem, algorithm, tiles }: GpuCall, facts: DeviceFacts): Plan {
  if (algorithm === 'naive') return naiveForward(problem, facts);
  const forced = tiles && forceTile('forward', tiles, problem, facts);
  if (tiles && !forced?.tile) {
    throw new FlashError(
      'INVALID_ARGUMENT',
      `tiles: expected tiles that fit the device's ${facts.workgroupStorage} bytes of workgroup memory, got br ${tiles.br} ` +
        `and bc ${tiles.bc}, which take ${forced?.bytes} bytes at D ${problem.D} and Dv ${problem.Dv}.`,
    );
  }
  return flash2Forward(problem, facts, forced?.tile ?? null);
}

/** The same for the backward pass. */
export function chooseBackward({ problem, algorithm, tiles }: GpuCall, facts: DeviceFacts): Plan {
  return algorithm === 'naive' ? naiveBackward(problem, facts) : flash2Backward(problem, facts, tiles);
}
