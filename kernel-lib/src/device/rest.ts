import type { Kernel } from './pipeline-cache';

// Node asks the GPU in a loop whether it has finished, as long as someone waits for it, and that keeps a core busy. On a driver
// that runs on the CPU this core is one of those that compute: with two of them a kernel takes a third longer. So the library
// sleeps for most of the time that a kernel will take before it waits.

/** Milliseconds per operation of each kernel, of about the fastest of its last runs; Infinity after the first. */
const costs = new WeakMap<Kernel, number>();

/** How much of the fastest time is slept; by how much that time is thought to grow with each run that did not reach it. */
const SHARE = 0.85;
const FORGET = 1.05;

/** Shorter sleeps are not worth a timer. */
const LEAST_MS = 3;

interface Work {
  readonly kernel: Kernel;
  readonly flops: number;
}

/** Notes what kernels cost. The first run of a kernel tells nothing: drivers compile in it, which takes a thousand times as long. */
export function learnCost(work: readonly Work[], ms: number): void {
  const flops = work.reduce((sum, one) => sum + one.flops, 0);
  if (!(ms > 0) || !(flops > 0)) return;
  for (const { kernel } of work) {
    const before = costs.get(kernel);
    costs.set(kernel, before === undefined ? Infinity : Math.min(ms / flops, before * FORGET));
  }
}

/** Milliseconds to sleep, most of the time that the work will take; 0 if that is short or not known of all of it. */
export function restTime(work: readonly Work[]): number {
  const ms = SHARE * work.reduce((sum, { kernel, flops }) => sum + flops * (costs.get(kernel) ?? Infinity), 0);
  return ms >= LEAST_MS && Number.isFinite(ms) ? ms : 0;
}
