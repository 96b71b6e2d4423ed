import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import type { PlotlyCore } from 'plotly.js/lib/core';
import type { Figure } from './figure';

/** A figure that is updated more often than this is in motion: its picture waits, in milliseconds. */
const QUIET = 300;

/** The picture of a MIME bundle as the address of an image, null where it has none. */
export function pictureOf(bundle: IRenderMime.IMimeModel['data']): string | null {
  const [svg, png] = [bundle['image/svg+xml'], bundle['image/png']];
  if (typeof svg === 'string') return `data:image/svg+xml,${encodeURIComponent(svg)}`;
  return typeof png === 'string' ? `data:image/png;base64,${png}` : null;
}

/**
 * Puts a picture of a figure beside it, as JupyterLab does for Vega, so that a saved notebook shows one where there is no
 * extension. A figure that came with a picture keeps that.
 */
export class StaticPicture {
  private timer: ReturnType<typeof setTimeout> | undefined;
  /** Tells a picture that was begun for an earlier figure. */
  private latest = 0;

  /** `figure` gives what has just been drawn for `model`, with its width and height in the layout. */
  later(model: IRenderMime.IMimeModel, figure: () => Required<Figure>, plotly: PlotlyCore): void {
    this.cancel();
    const turn = this.latest;
    const isWanted = () => turn === this.latest && pictureOf(model.data) === null;
    this.timer = setTimeout(() => {
      if (!isWanted()) return;
      plotly.toImage(figure(), { format: 'png', imageDataOnly: true }).then(
        (png) => {
          if (isWanted()) model.setData({ data: { ...model.data, 'image/png': png } });
        },
        // The notebook is then as it was; the figure itself is on the screen.
        () => undefined,
      );
    }, QUIET);
  }

  /** No picture of what was drawn before now comes any more. */
  cancel(): void {
    this.latest++;
    clearTimeout(this.timer);
  }
}
