import { scaleLinear, scaleLog } from 'd3-scale';
import { escapeXml } from './escape';
import { formatNumber } from './numbers';

// Notebook viewers show an SVG as an image, which hears nothing of the page's theme: "currentColor" would be black on a
// dark page. So the ink is a grey with the same contrast (4.3 : 1) to white and to JupyterLab's dark #111.
const INK = '#787878';
const FONT = 'system-ui, -apple-system, Segoe UI, DejaVu Sans, Arial, sans-serif';

/** Mid-tones for lines and marks, told apart by people with any colour vision and on light and dark paper. */
export const PALETTE = ['#d9730d', '#3f82d0', '#2f9e77', '#b45fbf'] as const;

export interface Tick {
  readonly value: number;
  readonly text: string;
}

/** An axis without a place: label (with its unit), range of values and ticks. */
export interface Axis {
  readonly label: string;
  readonly log: boolean;
  readonly domain: readonly [number, number];
  readonly ticks: readonly Tick[];
}

/** A rectangle of the drawing, in its units; y grows downwards. */
export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/**
 * A logarithmic axis over positive values. Ticks stand at `at` where given (thinned to `maxTicks`), else at 1-2-5 or at
 * powers of ten, whichever is fewer than `maxTicks`.
 */
export function logAxis(label: string, values: readonly number[], maxTicks = 8, at?: readonly number[]): Axis {
  const positive = values.filter((value) => Number.isFinite(value) && value > 0);
  let low = positive.length ? Math.min(...positive) : 1;
  let high = positive.length ? Math.max(...positive) : 10;
  if (at) {
    const spread = (high / low) ** 0.06;
    const pad = spread > 1 ? spread : 2;
    const every = Math.ceil(at.length / maxTicks);
    // Thinned from the far end: the last length is the one that was asked for.
    const kept = at.filter((_, index) => (at.length - 1 - index) % every === 0);
    return {
      label,
      log: true,
      domain: [low / pad, high * pad],
      ticks: kept.map((v) => ({ value: v, text: String(v) })),
    };
  }
  [low, high] = [roundLog(low / 1.05, 'down'), roundLog(high * 1.05, 'up')];
  // 1-2-5 where that is few enough, else powers of ten, else every second or third of those.
  const decades: number[] = [];
  for (let power = Math.floor(Math.log10(low)); 10 ** power <= high; power++) decades.push(10 ** power);
  const inside = (value: number): boolean => value >= low && value <= high;
  let ticks = decades.flatMap((decade) => [decade, 2 * decade, 5 * decade]).filter(inside);
  if (ticks.length > maxTicks) {
    const every = Math.ceil(decades.length / maxTicks);
    ticks = decades.filter(inside).filter((_, index) => index % every === 0);
  }
  return { label, log: true, domain: [low, high], ticks: ticks.map((value) => ({ value, text: formatNumber(value) })) };
}

/** A linear axis from `low` to `high` with about `count` round ticks. */
export function linearAxis(label: string, low: number, high: number, count: number): Axis {
  const ticks = scaleLinear().domain([low, high]).ticks(count);
  return {
    label,
    log: false,
    domain: [low, high],
    ticks: ticks.map((value) => ({ value, text: formatNumber(value) })),
  };
}

/** Where a value of the axis lies between two drawing coordinates. */
export function project(axis: Axis, from: number, to: number): (value: number) => number {
  const scale = axis.log ? scaleLog() : scaleLinear();
  return scale.domain([...axis.domain]).range([from, to]);
}

/** Axes, grid, ticks and labels of a panel; x below, y to the left. */
export function panelAxes(box: Box, x: Axis, y: Axis, title: string): string {
  const toX = project(x, box.x, box.x + box.width);
  const toY = project(y, box.y + box.height, box.y);
  const bottom = box.y + box.height;
  const right = box.x + box.width;
  const parts = [text(box.x + box.width / 2, box.y - 10, title, { anchor: 'middle', size: 13, bold: true })];
  for (const { value, text: label } of y.ticks) {
    parts.push(line(box.x, toY(value), right, toY(value), 0.25));
    parts.push(text(box.x - 7, toY(value) + 4, label, { anchor: 'end' }));
  }
  for (const { value, text: label } of x.ticks) {
    parts.push(line(toX(value), box.y, toX(value), bottom, 0.25), line(toX(value), bottom, toX(value), bottom + 5));
    parts.push(text(toX(value), bottom + 18, label, { anchor: 'middle' }));
  }
  parts.push(line(box.x, box.y, box.x, bottom), line(box.x, bottom, right, bottom));
  parts.push(text(box.x + box.width / 2, bottom + 38, x.label, { anchor: 'middle' }));
  const labelX = box.x - 14 - Math.max(0, ...y.ticks.map((tick) => textWidth(tick.text)));
  parts.push(text(labelX, box.y + box.height / 2, y.label, { anchor: 'middle', rotate: -90 }));
  return parts.join('\n');
}

export interface SeriesStyle {
  readonly colour: string;
  readonly dashed: boolean;
}

/** A line with its marks: discs on full lines, squares on dashed ones, so that print without colour still tells them apart. */
export function polyline(points: readonly (readonly [number, number])[], style: SeriesStyle): string {
  const path = points.map(([x, y], index) => `${index ? 'L' : 'M'}${round(x)} ${round(y)}`).join('');
  const marks = points.map(([x, y]) =>
    style.dashed
      ? `<rect x="${round(x - 3.2)}" y="${round(y - 3.2)}" width="6.4" height="6.4" fill="${style.colour}"/>`
      : `<circle cx="${round(x)}" cy="${round(y)}" r="3.6" fill="${style.colour}"/>`,
  );
  const dash = style.dashed ? ' stroke-dasharray="6 4"' : '';
  return `<path d="${path}" fill="none" stroke="${style.colour}" stroke-width="2"${dash}/>${marks.join('')}`;
}

/** A row of legend entries centred on `x`. */
export function legend(x: number, y: number, entries: readonly (SeriesStyle & { readonly name: string })[]): string {
  const widths = entries.map(({ name }) => 40 + textWidth(name) + 18);
  let left = x - widths.reduce((sum, width) => sum + width, -18) / 2;
  return entries
    .map(({ name, ...style }, index) => {
      const start = left;
      left += widths[index];
      const sample = `<path d="M${round(start)} ${y - 4}h32" stroke="${style.colour}" stroke-width="2"${
        style.dashed ? ' stroke-dasharray="6 4"' : ''
      }/>`;
      return sample + polyline([[start + 16, y - 4]], style) + text(start + 39, y, name);
    })
    .join('\n');
}

interface TextOptions {
  readonly anchor?: 'start' | 'middle' | 'end';
  readonly size?: number;
  readonly bold?: boolean;
  readonly rotate?: number;
  readonly colour?: string;
}

/** A piece of text with its baseline at (x, y), turned about that point by `rotate` degrees. */
export function text(x: number, y: number, content: string, options: TextOptions = {}): string {
  const { anchor = 'start', size = 12, bold = false, rotate, colour = INK } = options;
  const turn = rotate === undefined ? '' : ` transform="rotate(${rotate} ${round(x)} ${round(y)})"`;
  const weight = bold ? ' font-weight="600"' : '';
  return `<text x="${round(x)}" y="${round(y)}" text-anchor="${anchor}" font-size="${size}"${weight} fill="${colour}"${turn}>${escapeXml(content)}</text>`;
}

/** Rough width of a text: no fonts can be asked here. Wide scripts (CJK, emoji) count as one em, all others as 0.6. */
export function textWidth(content: string, size = 12): number {
  let ems = 0;
  for (const char of content) ems += (char.codePointAt(0) ?? 0) >= 0x2e80 ? 1 : 0.6;
  return ems * size;
}

/** A straight line of the ink, by default opaque. */
export function line(x1: number, y1: number, x2: number, y2: number, opacity = 1): string {
  const faint = opacity < 1 ? ` stroke-opacity="${opacity}"` : '';
  return `<path d="M${round(x1)} ${round(y1)}L${round(x2)} ${round(y2)}" stroke="${INK}"${faint}/>`;
}

/** A complete document that scales down with the page; `title` is read out by screen readers. */
export function svgDocument(width: number, height: number, title: string, body: readonly string[]): string {
  const size = `viewBox="0 0 ${Math.ceil(width)} ${Math.ceil(height)}" width="${Math.ceil(width)}"`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" ${size} role="img" style="max-width:100%;height:auto" font-family="${FONT}">`,
    `<title>${escapeXml(title)}</title>`,
    ...body,
    '</svg>',
  ].join('\n');
}

/** Drawing coordinates need no more than a hundredth of a unit. */
export function round(value: number): number {
  return Math.round(value * 100) / 100;
}

/** The nearest number of the 1-2-5 series not above (floor) or not below (ceil) a positive value. */
function roundLog(value: number, direction: 'down' | 'up'): number {
  const decade = 10 ** Math.floor(Math.log10(value));
  const steps = [1, 2, 5, 10].map((step) => step * decade);
  return direction === 'up'
    ? Math.min(...steps.filter((s) => s >= value))
    : Math.max(...steps.filter((s) => s <= value));
}
