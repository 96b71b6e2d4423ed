import type { Range } from './player-state';
import type { Matrix } from './player-run';

/** A rectangle in CSS pixels. */
export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** The longer side of the score matrix, about. */
const SIDE = 300;
const CELL = { least: 3, most: 27 };
/** Strips of Q and O beside the matrix, of K and V above it. */
const STRIP = { width: 28, height: 20 };
const GAP = 5;
const AXIS = 18;

export interface Geometry {
  readonly width: number;
  readonly height: number;
  /** The score matrix. */
  readonly matrix: Box;
  /** Width and height of the cell of one query and one key. */
  readonly cell: { readonly width: number; readonly height: number };
  tile(queries: Range, keys: Range): Box;
  q(queries: Range): Box;
  o(queries: Range): Box;
  k(keys: Range): Box;
  v(keys: Range): Box;
}

/** Where everything lies in the map of a score matrix of Nq x Nk. */
export function geometryOf(Nq: number, Nk: number): Geometry {
  const size = Math.floor(Math.min(CELL.most, Math.max(CELL.least, SIDE / Math.max(Nq, Nk))));
  // A matrix of few rows or columns would be a mere line.
  const cell = { width: Math.max(size, Math.ceil(CELL.most / Nk)), height: Math.max(size, Math.ceil(CELL.most / Nq)) };
  const matrix: Box = {
    x: AXIS + STRIP.width + GAP,
    y: AXIS + 2 * STRIP.height + 2 + GAP,
    width: Nk * cell.width,
    height: Nq * cell.height,
  };
  const rows = ({ begin, end }: Range) => ({ y: matrix.y + begin * cell.height, height: (end - begin) * cell.height });
  const columns = ({ begin, end }: Range) => ({ x: matrix.x + begin * cell.width, width: (end - begin) * cell.width });
  return {
    width: matrix.x + matrix.width + GAP + STRIP.width + 2,
    height: matrix.y + matrix.height + 2,
    matrix,
    cell,
    tile: (queries, keys) => ({ ...rows(queries), ...columns(keys) }),
    q: (queries) => ({ ...rows(queries), x: AXIS, width: STRIP.width }),
    o: (queries) => ({ ...rows(queries), x: matrix.x + matrix.width + GAP, width: STRIP.width }),
    k: (keys) => ({ ...columns(keys), y: AXIS, height: STRIP.height }),
    v: (keys) => ({ ...columns(keys), y: AXIS + STRIP.height + 2, height: STRIP.height }),
  };
}

/** An outline around all cells whose score is -Infinity, neighbours of a row joined. */
export function unseenPath(s: Matrix, { matrix, cell }: Geometry): string {
  const parts: string[] = [];
  s.forEach((row, i) => {
    for (let from = 0; from < row.length; from++) {
      if (row[from] !== -Infinity) continue;
      let to = from;
      while (to < row.length && row[to] === -Infinity) to++;
      const width = (to - from) * cell.width;
      const [x, y] = [matrix.x + from * cell.width, matrix.y + i * cell.height];
      parts.push(`M${x} ${y}h${width}v${cell.height}h${-width}z`);
      from = to;
    }
  });
  return parts.join('');
}

/** Lines between the cells of the matrix; none where cells are small. */
export function gridPath(Nq: number, Nk: number, { matrix, cell }: Geometry): string {
  if (Math.min(cell.width, cell.height) < 8) return '';
  const across = Array.from(
    { length: Nq - 1 },
    (_, i) => `M${matrix.x} ${matrix.y + (i + 1) * cell.height}h${matrix.width}`,
  );
  const down = Array.from(
    { length: Nk - 1 },
    (_, j) => `M${matrix.x + (j + 1) * cell.width} ${matrix.y}v${matrix.height}`,
  );
  return [...across, ...down].join('');
}
