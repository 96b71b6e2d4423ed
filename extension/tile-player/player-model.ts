import { courseOf, sameTile, type Course } from './player-state';
import type { Algorithm, Run } from './player-run';

/** Steps a second. */
export const SPEEDS: readonly number[] = [0.5, 1, 2, 4, 8];

export interface PlayerPosition {
  readonly algorithm: Algorithm;
  readonly index: number;
  readonly playing: boolean;
  readonly speed: number;
}

/** Where the reader is. It outlives the drawing, which JupyterLab takes down whenever a cell scrolls out of sight. */
export class PlayerModel {
  readonly courses: Readonly<Record<Algorithm, Course>>;
  private now: PlayerPosition = { algorithm: 'flash2', index: 0, playing: false, speed: 1 };
  private readonly listeners = new Set<() => void>();

  constructor(run: Run) {
    this.courses = { flash1: courseOf(run, 'flash1'), flash2: courseOf(run, 'flash2') };
  }

  /** The same object until something changes. */
  readonly position = (): PlayerPosition => this.now;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** Goes to a step by hand, at most to the ends; that ends playing. */
  goTo(index: number): void {
    this.change({ index: Math.min(Math.max(index, 0), this.last), playing: false });
  }

  /** Shows the same tile in the other order of loops. */
  choose(algorithm: Algorithm): void {
    const { courses, now } = this;
    const index = sameTile(courses[now.algorithm], now.index, courses[algorithm]);
    this.change({ algorithm, index, playing: false });
  }

  setSpeed(speed: number): void {
    this.change({ speed });
  }

  /** Plays from here on, from the start where this is the end, or pauses. */
  toggle(): void {
    const { playing, index } = this.now;
    this.change({ playing: !playing && this.last > 0, index: !playing && index === this.last ? 0 : index });
  }

  /** The next step of playing; the last one ends it. */
  tick(): void {
    const index = Math.min(this.now.index + 1, this.last);
    this.change({ index, playing: index < this.last });
  }

  private get last(): number {
    return this.courses[this.now.algorithm].walk.steps.length - 1;
  }

  private change(change: Partial<PlayerPosition>): void {
    this.now = { ...this.now, ...change };
    this.listeners.forEach((listener) => listener());
  }
}
