import type { FlashDevice } from './device';
import type { RunStats } from './dispatch';

/** What is told of one run of kernels while it goes on. */
export interface RunWatch {
  /** The share of its work that is done, 0 to 1. */
  progress(fraction: number): void;
  ended(stats: RunStats): void;
  /** `stopped` says that the caller wanted it so. */
  failed(error: unknown, stopped: boolean): void;
}

/** Is told what devices do, for those who show it. It must neither throw nor wait. */
export interface DeviceObserver {
  /** A device has been opened. */
  opened(device: FlashDevice): void;
  /** A device has been lost or ended. */
  closed(device: FlashDevice): void;
  /** A buffer has been made. Told in the context of the call that makes it. */
  allocated(device: FlashDevice, buffer: GPUBuffer): void;
  freed(device: FlashDevice, buffer: GPUBuffer): void;
  /** Kernels begin to run, in this order. Told in the context of the call that runs them. */
  began(device: FlashDevice, kernels: readonly string[]): RunWatch;
}

/** Of a run that nobody watches. */
export const NOBODY: RunWatch = { progress: () => undefined, ended: () => undefined, failed: () => undefined };

let current: DeviceObserver = {
  opened: () => undefined,
  closed: () => undefined,
  allocated: () => undefined,
  freed: () => undefined,
  began: () => NOBODY,
};

export const observer = (): DeviceObserver => current;

/** Tells `next`, and no longer the one before, of all devices from now on. */
export function setObserver(next: DeviceObserver): void {
  current = next;
}
