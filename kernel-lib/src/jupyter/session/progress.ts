import { randomUUID } from 'node:crypto';
import { escapeXml } from '../../plots/escape';
import type { Cell } from './cell';

/** At most one update in this many milliseconds. */
const INTERVAL_MS = 100;
const WIDTH = 30;

/** A bar in the output of a cell that grows in place. It appears with the first step and stays, full, at the end. */
export class ProgressBar {
  private readonly id = randomUUID();
  private readonly start = Date.now();
  private fraction = 0;
  private shownAt = 0;
  private shown = false;
  private ended = false;

  constructor(
    private readonly cell: Cell,
    private readonly label: string,
  ) {}

  /** `fraction` from 0 to 1; the bar never goes back. */
  update(fraction: number): void {
    if (this.ended || !Number.isFinite(fraction)) return;
    this.fraction = Math.max(this.fraction, Math.min(1, fraction));
    if (Date.now() - this.shownAt >= INTERVAL_MS) this.show(`${Math.floor(100 * this.fraction)} %`);
  }

  /** Fills the bar. */
  finish(): void {
    if (this.ended) return;
    this.fraction = 1;
    this.show(`done in ${this.seconds()} s`);
    this.ended = true;
  }

  /** Leaves the bar where it is and says so. */
  stop(): void {
    if (this.ended) return;
    this.show(`stopped at ${Math.floor(100 * this.fraction)} % after ${this.seconds()} s`);
    this.ended = true;
  }

  private seconds(): string {
    return ((Date.now() - this.start) / 1000).toFixed(1);
  }

  private show(state: string): void {
    const filled = Math.round(WIDTH * this.fraction);
    const text = `${this.label} [${'#'.repeat(filled)}${'.'.repeat(WIDTH - filled)}] ${state}`;
    const label = escapeXml(this.label);
    const html =
      `<div class="flashlab-progress"><progress max="1" value="${this.fraction.toFixed(3)}" aria-label="${label}">` +
      `</progress> <span>${label}: ${state}</span></div>`;
    this.cell.display({ 'text/plain': text, 'text/html': html }, this.id, this.shown);
    this.shown = true;
    this.shownAt = Date.now();
  }
}

/** Runs work that is stopped with its cell, under a progress bar. */
export async function withBar<T>(
  cell: Cell,
  label: string,
  work: (watched: { signal: AbortSignal; onProgress(fraction: number): void }) => Promise<T>,
): Promise<T> {
  const bar = new ProgressBar(cell, label);
  try {
    const result = await work({ signal: cell.controller.signal, onProgress: (fraction) => bar.update(fraction) });
    bar.finish();
    return result;
  } catch (error) {
    bar.stop();
    throw error;
  }
}
