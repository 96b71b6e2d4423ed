import { line, round } from './svg';

// Cells of a matrix in shades of one colour. Opacity makes the shade: 0 is the paper itself, be it white or black.

const LEVELS = 64;

/** Plotly's colour scale from nothing to `colour`, a hexadecimal one. */
export function shades(colour: string): [number, string][] {
  const channels = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
  return [
    [0, `rgba(${channels.join(',')},0)`],
    [1, colour],
  ];
}

/**
 * All cells as one path for each of 64 shades, neighbours of the same shade joined: a large matrix stays a small file. A value
 * of `max` is the full colour, 0 or null is left out.
 */
export function cells(
  values: readonly (readonly (number | null)[])[],
  max: number,
  { x, y, size }: { readonly x: number; readonly y: number; readonly size: number },
  colour: string,
): string {
  const paths: string[][] = Array.from({ length: LEVELS + 1 }, () => []);
  values.forEach((row, r) => {
    const levels = row.map((value) => Math.round(((value ?? 0) / max) * LEVELS));
    for (let from = 0; from < levels.length;) {
      let to = from + 1;
      while (to < levels.length && levels[to] === levels[from]) to++;
      const [left, top] = [round(x + from * size), round(y + r * size)];
      const width = round((to - from) * size);
      paths[levels[from]].push(`M${left} ${top}h${width}v${round(size)}h${-width}z`);
      from = to;
    }
  });
  return paths
    .flatMap((path, level) =>
      level === 0 || path.length === 0 ? [] : [`<path fill-opacity="${round(level / LEVELS)}" d="${path.join('')}"/>`],
    )
    .join('\n')
    .replace(/^/, `<g fill="${colour}" shape-rendering="crispEdges">`)
    .concat('</g>');
}

/** The outline of a rectangle. */
export function frame(x: number, y: number, width: number, height: number): string {
  return [
    line(x, y, x + width, y),
    line(x, y + height, x + width, y + height),
    line(x, y, x, y + height),
    line(x + width, y, x + width, y + height),
  ].join('');
}
