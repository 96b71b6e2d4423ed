/** What plotly.js draws: traces and layout, plain JSON. Paper and font colours are left out, the front end themes them. */
export interface PlotlyFigure {
  readonly data: readonly Record<string, unknown>[];
  readonly layout: Readonly<Record<string, unknown>>;
}

/** One picture in three forms, richest first, so that every viewer of a notebook shows at least one of them. */
export interface Figure {
  readonly plotly: PlotlyFigure;
  /** A complete SVG document that is readable on light and on dark paper. */
  readonly svg: string;
  /** The numbers of the picture as a table for terminals. */
  readonly text: string;
}

/** Output of one display message of Jupyter: MIME type to data. A front end shows the richest type it knows. */
export type MimeBundle = Record<string, unknown>;

/** The method that notebook kernels of the tslab family ask a value for; it gives a MIME bundle. */
export const DISPLAY: unique symbol = Symbol.for('Jupyter.display');

/** The MIME bundle of a figure: plotly JSON, SVG and text. */
export function displayFigure(figure: Figure): MimeBundle {
  return {
    'application/vnd.plotly.v1+json': { data: figure.plotly.data, layout: figure.plotly.layout },
    'image/svg+xml': figure.svg,
    'text/plain': figure.text,
  };
}
