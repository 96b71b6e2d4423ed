import type { MatrixShape } from '../wgsl/matrix-types';

/**
 * Tiles that were measured on a device (flash.tune), in place of those of the tables: how many rows stay and how many pass by a turn; see
 * wgsl/tiles.ts and, with `lanes`, wgsl/lane-tile.ts.
 */
export interface TunedTile {
  readonly own: number;
  readonly step: number;
  readonly lanes: boolean;
  /** Rows of a thread of a tile without lanes; as many as in the tables where it is missing. */
  readonly rows?: number;
  /** Whether the maxima of its rows pass from lane to lane. */
  readonly shuffle?: boolean;
}

/** What was measured: a tile of plain arithmetic, or the shape of one of matrix units. */
export type TunedShape = TunedTile | MatrixShape;

/** By pass and head sizes; see tuningKey and matrixTuningKey. */
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

interface HeadSizes {
  readonly D: number;
  readonly Dv: number;
}

export const tuningKey = (pass: string, { D, Dv }: HeadSizes): string => `${pass} D${D} Dv${Dv}`;

/** Matrix units sum what they are given in parts, so that their tiles depend on the dtype, too. */
export const matrixTuningKey = (pass: string, sizes: HeadSizes & { readonly dtype: string }): string =>
  `${tuningKey(pass, sizes)} ${sizes.dtype} matrices`;

type Tuned = ReadonlyMap<string, TunedShape> | undefined;

/** Whether a shape, which may come from a file that anyone wrote, has these numbers. */
const hasNumbers = (shape: unknown, names: readonly string[]): boolean =>
  typeof shape === 'object' &&
  shape !== null &&
  names.every((name) => {
    const value = (shape as Record<string, unknown>)[name];
    return Number.isInteger(value) && (value as number) > 0;
  });

/** The tile that was measured for a pass, of plain arithmetic. */
export function tunedTile(tuned: Tuned, pass: string, sizes: HeadSizes): TunedTile | undefined {
  const shape = tuned?.get(tuningKey(pass, sizes));
  return hasNumbers(shape, ['own', 'step']) ? (shape as TunedTile) : undefined;
}

/** The one of matrix units. */
export function tunedMatrices(
  tuned: Tuned,
  pass: string,
  sizes: HeadSizes & { readonly dtype: string },
): MatrixShape | undefined {
  const shape = tuned?.get(matrixTuningKey(pass, sizes));
  return hasNumbers(shape, ['subgroups', 'rows', 'split', 'step']) ? (shape as MatrixShape) : undefined;
}
