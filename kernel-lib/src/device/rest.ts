import type { Kernel } from './pipeline-cache';

// On a driver that runs on the CPU the library sleeps for most of the time that a kernel will take before it waits for it: see doze.ts.

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

/** Milliseconds that the work will take; Infinity if that is not known of all of it. */
export const expectedMs = (work: readonly Work[]): number =>
  work.reduce((sum, { kernel, flops }) => sum + flops * (costs.get(kernel) ?? Infinity), 0);

/** Milliseconds to sleep before one waits for work that will take so many, most of them; 0 if they are few or not known. */
export function restTime(expected: number): number {
  const ms = SHARE * expected;
  return ms >= LEAST_MS && Number.isFinite(ms) ? ms : 0;
}
