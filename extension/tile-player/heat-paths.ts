import type { Matrix } from './player-run';

/** Cells of one sign and one shade, as one path. */
export interface HeatPath {
  readonly sign: 'above' | 'below' | 'unseen';
  /** 0 to 1; the cells of a large matrix have one of a few shades. */
  readonly heat: number;
  readonly d: string;
}

const LEVELS = 12;

/** How hot a number is: its size against the largest one. */
export function heatOf(x: number, most: number): number {
  if (!Number.isFinite(x)) return x === Infinity ? 1 : 0;
  return most > 0 ? Math.min(1, Math.abs(x) / most) : 0;
}

export function signOf(x: number): HeatPath['sign'] {
  if (x === -Infinity) return 'unseen';
  return x < 0 ? 'below' : 'above';
}

/** A matrix too large for a table, in a few paths. */
export function heatPaths(matrix: Matrix, most: number, size: number): HeatPath[] {
  const paths = new Map<string, { sign: HeatPath['sign']; level: number; parts: string[] }>();
  matrix.forEach((row, r) =>
    row.forEach((x, c) => {
      const [sign, level] = [signOf(x), Math.ceil(heatOf(x, most) * LEVELS)];
      const key = `${sign} ${level}`;
      const path = paths.get(key) ?? { sign, level, parts: [] };
      path.parts.push(`M${c * size} ${r * size}h${size}v${size}h${-size}z`);
      paths.set(key, path);
    }),
  );
  return [...paths.values()].map(({ sign, level, parts }) => ({ sign, heat: level / LEVELS, d: parts.join('') }));
}
