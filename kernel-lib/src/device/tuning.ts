/**
 * Tiles that were measured on a device (flash.tune), in place of those of the tables: how many rows stay and how many pass by a turn; see
 * wgsl/tiles.ts and, with `lanes`, wgsl/lane-tile.ts.
 */
export interface TunedShape {
  readonly own: number;
  readonly step: number;
  readonly lanes: boolean;
  /** Rows of a thread of a tile without lanes; as many as in the tables where it is missing. */
  readonly rows?: number;
  /** Whether the maxima of its rows pass from lane to lane. */
  readonly shuffle?: boolean;
}

/** By pass and head sizes; see tuningKey. */
export type Tuning = Readonly<Record<string, TunedShape>>;

/** Where tunings are kept from one session to the next. */
export interface TuningStore {
  read(adapter: string): Tuning;
  write(adapter: string, tuning: Tuning): void;
}

/** Keeps nothing beyond the session: a browser's page, or a test. */
const forgetful: TuningStore = { read: () => ({}), write: () => undefined };

let current: TuningStore = forgetful;

export const tuningStore = (): TuningStore => current;

export function setTuningStore(store: TuningStore): void {
  current = store;
}

export const tuningKey = (pass: string, { D, Dv }: { readonly D: number; readonly Dv: number }): string =>
  `${pass} D${D} Dv${Dv}`;
