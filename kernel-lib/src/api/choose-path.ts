import type { DeviceFacts } from '../device/device';
import type { Plan } from '../device/plan';
import { flash1Bytes } from '../kernels/flash1/choose-tile';
import { flash1Backward, flash1Forward } from '../kernels/flash1/plan';
import { flash2Backward, flash2Forward } from '../kernels/flash2/plan';
import { forceTile } from '../kernels/flash2/choose-tile';
import { naiveBackward, naiveForward } from '../kernels/naive/plan';
import { FlashError } from './errors';
import type { Problem } from './problem';
import type { CheckedCall } from './validate';

/** A checked call of what runs on the device. */
export type GpuCall = Pick<CheckedCall, 'problem' | 'tiles'> & { readonly algorithm: 'flash2' | 'flash1' | 'naive' };

/** Kernels and tiles of a forward pass: a pure function of the problem, the options and what the device can hold. */
export function chooseForward({ problem, algorithm, tiles }: GpuCall, facts: DeviceFacts): Plan {
  if (algorithm === 'naive') return naiveForward(problem, facts);
  if (algorithm === 'flash1') {
    if (tiles) checkFit(tiles, flash1Bytes('forward', tiles, problem), problem, facts);
    return flash1Forward(problem, facts, tiles);
  }
  const forced = tiles && forceTile('forward', tiles, problem, facts);
  if (forced) checkFit(tiles, forced.bytes, problem, facts);
  return flash2Forward(problem, facts, forced?.tile ?? null);
}

function checkFit(
  { br, bc }: { br: number; bc: number },
  bytes: number,
  { D, Dv }: Problem,
  { workgroupStorage }: DeviceFacts,
): void {
  if (bytes <= workgroupStorage) return;
  throw new FlashError(
    'INVALID_ARGUMENT',
    `tiles: expected tiles that fit the device's ${workgroupStorage} bytes of workgroup memory, got br ${br} and bc ${bc}, ` +
      `which take ${bytes} bytes at D ${D} and Dv ${Dv}.`,
  );
}

/** The same for the backward pass, whose kernels use wanted tiles where their larger working sets allow. */
export function chooseBackward({ problem, algorithm, tiles }: GpuCall, facts: DeviceFacts): Plan {
  if (algorithm === 'naive') return naiveBackward(problem, facts);
  return algorithm === 'flash1' ? flash1Backward(problem, facts, tiles) : flash2Backward(problem, facts, tiles);
}
