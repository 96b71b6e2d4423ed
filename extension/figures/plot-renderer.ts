import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import type { ISignal } from '@lumino/signaling';
import { Widget } from '@lumino/widgets';
import { drawable, prepare, type Figure } from './figure';
import { themeOf } from './theme';

export const MIME_TYPE = 'application/vnd.plotly.v1+json';

/** Height of a figure that names none, in CSS pixels. */
const DEFAULT_HEIGHT = 360;

const FRAMES_OF_A_THEME_CHANGE = 30;

type Plotly = typeof import('./plotly').default;

/**
 * Draws one plotly figure. The drawing library is loaded with the first figure, so a notebook without figures never
 * fetches it. A figure that is updated in place keeps its zoom.
 */
export class PlotRenderer extends Widget implements IRenderMime.IRenderer {
  private readonly observer: ResizeObserver;
  private readonly plot = document.createElement('div');
  private figure: Figure | null = null;
  private plotly: Plotly | null = null;
  /** The theme is newer than the drawing, or the drawing was made out of sight. */
  private outdated = false;

  constructor(private readonly themeChanged: ISignal<unknown, unknown> | null) {
    super();
    this.addClass('jp-FlashLab-plot');
    this.plot.className = 'jp-FlashLab-plotArea';
    this.observer = new ResizeObserver(() => this.catchUp());
    this.themeChanged?.connect(this.retheme, this);
  }

  async renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    const figure = model.data[MIME_TYPE];
    const refusal = drawable(figure);
    if (refusal !== null) return this.fallBack(model, refusal);
    this.figure = figure as unknown as Figure;
    this.plotly ??= (await import('./plotly')).default;
    if (this.isDisposed) return;
    if (this.plot.parentElement !== this.node) {
      this.node.replaceChildren(this.plot);
      this.observer.observe(this.node);
    }
    await this.draw();
  }

  override dispose(): void {
    if (this.isDisposed) return;
    this.observer.disconnect();
    this.themeChanged?.disconnect(this.retheme, this);
    this.plotly?.purge(this.plot);
    super.dispose();
  }

  private async draw(): Promise<void> {
    if (!this.plotly || !this.figure) return;
    this.outdated = this.node.clientWidth === 0;
    const style = getComputedStyle(this.node);
    const { data, layout, config } = prepare(
      this.figure,
      themeOf((name) => style.getPropertyValue(name).trim()),
    );
    this.plot.style.height = `${typeof layout.height === 'number' ? layout.height : DEFAULT_HEIGHT}px`;
    await this.plotly.react(this.plot, data, layout, config);
  }

  /**
   * The colours of a new theme can be read only when its style sheet is in force, one frame after the signal. JupyterLab
   * hides itself for a few frames then, too short for the observer to see it; who is hidden for longer is left to it.
   */
  private retheme(): void {
    this.outdated = true;
    let frames = FRAMES_OF_A_THEME_CHANGE;
    const look = () => {
      this.catchUp();
      if (this.outdated && !this.isDisposed && frames-- > 0) requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  }

  /**
   * Follows a new theme or width, once the figure is to be seen: plotly.js measures texts while it draws, and misplaces
   * them where it cannot.
   */
  private catchUp(): void {
    if (this.isDisposed || !this.plotly || !this.figure || this.node.clientWidth === 0) return;
    if (this.outdated) void this.draw();
    else void this.plotly.Plots.resize(this.plot);
  }

  /** Shows the picture that stands beside the figure, else says why there is none. */
  private fallBack(model: IRenderMime.IMimeModel, refusal: string): void {
    this.observer.disconnect();
    this.figure = null;
    const svg = model.data['image/svg+xml'];
    if (typeof svg === 'string') {
      const image = document.createElement('img');
      image.src = `data:image/svg+xml,${encodeURIComponent(svg)}`;
      image.alt = refusal;
      this.node.replaceChildren(image);
    } else this.node.textContent = refusal;
  }
}
