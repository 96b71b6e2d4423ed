/** Text put into a cell before it is compiled. */
export interface Insertion {
  /** Offset in the cell, in UTF-16 units. */
  at: number;
  text: string;
}

/**
 * Positions of a cell and of the code compiled for it, which is the cell with insertions. Offsets are UTF-16 units, as in
 * TypeScript; Jupyter's `cursor_pos` counts code points, see `toUnits` and `toPoints`.
 */
export class Offsets {
  /** `insertions` in ascending order. */
  constructor(private readonly insertions: readonly Insertion[]) {}

  /** These, and after them `more` insertions into the code. */
  followedBy(more: readonly Insertion[]): Offsets {
    const inCell = more.map(({ at, text }) => ({ at: this.toCell(at), text }));
    return new Offsets([...this.insertions, ...inCell].sort((one, other) => one.at - other.at));
  }

  apply(cell: string): string {
    let code = '';
    let from = 0;
    for (const { at, text } of this.insertions) {
      code += cell.slice(from, at) + text;
      from = at;
    }
    return code + cell.slice(from);
  }

  /** Offset in the code of an offset in the cell; at an insertion, the side on which the cursor has just typed. */
  toCode(offset: number): number {
    let shift = 0;
    for (const { at, text } of this.insertions) if (at < offset) shift += text.length;
    return offset + shift;
  }

  /** Offset in the cell of an offset in the code; what was inserted counts as the place where it stands. */
  toCell(offset: number): number {
    let shift = 0;
    for (const { at, text } of this.insertions) {
      const start = at + shift;
      if (offset <= start) break;
      if (offset < start + text.length) return at;
      shift += text.length;
    }
    return offset - shift;
  }
}

/** UTF-16 units before the code point number `points`. */
export function toUnits(text: string, points: number): number {
  let units = 0;
  for (const char of text) {
    if (points-- <= 0) break;
    units += char.length;
  }
  return units;
}

/** Code points before the UTF-16 unit number `units`. */
export function toPoints(text: string, units: number): number {
  return Array.from(text.slice(0, units)).length;
}

/** Line and column of an offset, both 0-based, the column in UTF-16 units. */
export function lineColumn(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset);
  const start = before.lastIndexOf('\n') + 1;
  return { line: before.split('\n').length - 1, column: before.length - start };
}

/** Offset of a 0-based line and column. */
export function offsetOf(text: string, line: number, column: number): number {
  let at = 0;
  for (let i = 0; i < line; i++) {
    const end = text.indexOf('\n', at);
    if (end < 0) return text.length;
    at = end + 1;
  }
  return Math.min(at + column, text.length);
}
