import type { Conversion } from '../compiler';
import type { Offsets } from '../magics/offsets';
import { lineColumn, offsetOf } from '../magics/offsets';

/** What is kept of a cell that ran, to show its lines in errors. */
export interface CellSource {
  /** How errors call it, such as `cell [3]`. */
  label: string;
  /** The cell as it was written, and as it was compiled. */
  text: string;
  code: string;
  offsets: Offsets;
  locate: Conversion['locate'];
}

/** A place in a cell; line and column are 1-based. */
export interface Place {
  source: CellSource;
  line: number;
  column: number;
}

/** Cells whose lines can still be shown; older ones are forgotten. */
const KEPT = 200;
const FRAME = /flashlab-cell-(\d+):(\d+):(\d+)/;

/** The cells that ran lately, by the names that they have in stack traces. */
export class Sources {
  private readonly cells = new Map<number, CellSource>();
  private next = 1;

  /** Keeps `source`; returns the comment that gives its JavaScript a name in stack traces. */
  add(source: CellSource): string {
    const id = this.next++;
    this.cells.set(id, source);
    this.cells.delete(id - KEPT);
    return `\n//# sourceURL=flashlab-cell-${id}\n`;
  }

  /** The place in a cell that a line of a stack trace speaks of; undefined where it speaks of none. */
  place(frame: string): Place | undefined {
    const match = FRAME.exec(frame);
    const source = match && this.cells.get(Number(match[1]));
    const found = source?.locate(Number(match![2]), Number(match![3]));
    if (!source || !found) return undefined;
    const offset = source.offsets.toCell(offsetOf(source.code, found.line - 1, found.column - 1));
    const { line, column } = lineColumn(source.text, offset);
    return { source, line: line + 1, column: column + 1 };
  }

  /** Whether a line of a stack trace lies in a cell, known place or not. */
  isCellFrame(frame: string): boolean {
    return FRAME.test(frame);
  }

  /** `text` with the names of generated code replaced by the cells' own lines. */
  translate(text: string): string {
    if (!text.includes('flashlab-cell-')) return text;
    return text.replace(new RegExp(FRAME, 'g'), (frame) => {
      const place = this.place(frame);
      return place ? `${place.source.label}:${place.line}:${place.column}` : frame;
    });
  }
}
