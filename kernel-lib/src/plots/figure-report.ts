import { DISPLAY, displayFigure, type Figure, type MimeBundle } from './figure';

/** A report with a figure: how notebooks and terminals show it. */
export abstract class FigureReport {
  abstract readonly figure: Figure;

  /** Everything but the figure, as text and as HTML (escaped, without scripts). */
  protected abstract text(): string;
  protected abstract html(): string;

  /** Forms of the figure that are richer than plotly's, for front ends that know them. */
  protected richer(): MimeBundle {
    return {};
  }

  /**
   * What a kernel publishes, in order: the tables, then the figure. A front end shows only the richest type of a bundle, so
   * table and figure must be two messages to be seen both; a kernel that knows this method sends each part by itself.
   */
  parts(): MimeBundle[] {
    return [{ 'text/html': this.html(), 'text/plain': this.text() }, this.pictures()];
  }

  /**
   * All in one bundle, for a kernel that takes one: front ends that draw plotly show the figure, those that show HTML the
   * tables with the picture below them, terminals the text.
   */
  [DISPLAY](): MimeBundle {
    return {
      ...this.pictures(),
      'text/html': `${this.html()}\n<div>${this.figure.svg}</div>`,
      'text/plain': this.toString(),
    };
  }

  private pictures(): MimeBundle {
    return { ...this.richer(), ...displayFigure(this.figure) };
  }

  /** The report for a terminal. */
  toString(): string {
    return `${this.text()}\n\n${this.figure.text}`;
  }
}
