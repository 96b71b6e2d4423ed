/** A curve of bytes over the last while, as an SVG path in a box of `width` x `height`. */
export interface Curve {
  readonly line: string;
  readonly area: string;
}

/**
 * The steps of `samples` ([ms, bytes from then on], oldest first) from `end - span` to `end`.
 * @param top bytes at the upper edge
 */
export function curveOf(
  samples: readonly (readonly [number, number])[],
  { end, span, top, width, height }: { end: number; span: number; top: number; width: number; height: number },
): Curve {
  const begin = end - span;
  const x = (at: number): number => round((Math.min(Math.max(at - begin, 0), span) / span) * width);
  const y = (bytes: number): number => round(height - (top > 0 ? bytes / top : 0) * height);
  // What was in use at the left edge.
  let bytes = samples.filter(([at]) => at <= begin).at(-1)?.[1] ?? 0;
  let line = `M0 ${y(bytes)}`;
  for (const [at, next] of samples) {
    if (at <= begin || next === bytes) continue;
    line += `H${x(at)}V${y(next)}`;
    bytes = next;
  }
  line += `H${width}`;
  return { line, area: `${line}V${height}H0Z` };
}

const round = (value: number): number => Math.round(value * 10) / 10;
