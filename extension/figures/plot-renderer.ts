import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { ISignal } from '@lumino/signaling';
import { Widget } from '@lumino/widgets';
import type { ModeBarButton } from 'plotly.js/lib/core';
import { Description } from './description';
import { downloadButtons } from './download-buttons';
import { drawable, prepare, withButtons, type Figure } from './figure';
import type { PlotTheme, PlotThemeName } from './plot-theme';
import { pictureOf, StaticPicture } from './static-picture';
import { themeOf } from './theme';
import { titleOf } from './title';

export const MIME_TYPE = 'application/vnd.plotly.v1+json';

/** Height of a figure that names none, in CSS pixels. */
const DEFAULT_HEIGHT = 360;

const FRAMES_OF_A_THEME_CHANGE = 30;

type Plotly = typeof import('./plotly').default;

export interface PlotRendererOptions {
  /** Whose colours figures have. */
  readonly plotTheme: PlotTheme;
  /** Emits when JupyterLab has another theme; null where it has no themes. */
  readonly themeChanged: ISignal<unknown, unknown> | null;
  readonly trans: TranslationBundle;
}

/**
 * Draws one plotly figure. The drawing library is loaded with the first figure, so a notebook without figures never
 * fetches it. A figure that is updated in place keeps its zoom.
 */
export class PlotRenderer extends Widget implements IRenderMime.IRenderer {
  private readonly observer: ResizeObserver;
  private readonly plot = document.createElement('div');
  private readonly description = new Description();
  private readonly picture = new StaticPicture();
  private shown: { model: IRenderMime.IMimeModel; figure: Figure } | null = null;
  private plotly: Plotly | null = null;
  /** Made once, as plotly.js takes others for another figure, without its zoom. */
  private buttons: ModeBarButton[] | null = null;
  /** The theme is newer than the drawing, or the drawing was made out of sight. */
  private outdated = false;

  constructor(private readonly options: PlotRendererOptions) {
    super();
    this.addClass('jp-FlashLab-plot');
    this.plot.className = 'jp-FlashLab-plotArea';
    this.observer = new ResizeObserver(() => this.catchUp());
    options.themeChanged?.connect(this.retheme, this);
    options.plotTheme.changed.connect(this.retheme, this);
  }

  async renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    const { trans } = this.options;
    const { data } = model;
    this.picture.cancel();
    const refusal = drawable(data[MIME_TYPE], trans);
    if (refusal !== null) return this.fallBack(pictureOf(data), refusal);
    const figure = data[MIME_TYPE] as unknown as Figure;
    this.shown = { model, figure };
    this.plotly ??= (await import('./plotly')).default;
    // What came while plotly.js was loading is newer.
    if (this.isDisposed || this.shown?.figure !== figure) return;
    if (this.plot.parentElement !== this.node) {
      this.node.replaceChildren(this.plot, this.description.node);
      this.observer.observe(this.node);
    }
    this.description.describe(this.plot, titleOf(figure.layout) || trans.__('Figure'), data['text/plain']);
    await this.draw();
  }

  override dispose(): void {
    if (this.isDisposed) return;
    this.observer.disconnect();
    this.picture.cancel();
    this.options.themeChanged?.disconnect(this.retheme, this);
    this.options.plotTheme.changed.disconnect(this.retheme, this);
    this.plotly?.purge(this.plot);
    super.dispose();
  }

  private async draw(): Promise<void> {
    const { plotly, shown } = this;
    if (!plotly || !shown) return;
    this.outdated = this.node.clientWidth === 0;
    const { data, layout, config } = this.prepared(shown.figure, this.options.plotTheme.current);
    const height = typeof layout.height === 'number' ? layout.height : DEFAULT_HEIGHT;
    this.plot.style.height = `${height}px`;
    this.buttons ??= downloadButtons(plotly, this.options.trans);
    await plotly.react(this.plot, data, layout, withButtons(config, this.buttons));
    if (this.isDisposed || this.outdated || this.shown !== shown) return;
    const width = this.plot.clientWidth;
    // Who looks at the picture may have any page, most likely a white one.
    const onPaper = () => {
      const drawing = this.prepared(shown.figure, 'light');
      return { ...drawing, layout: { width, height, ...drawing.layout } };
    };
    this.picture.later(shown.model, onPaper, plotly);
  }

  private prepared(figure: Figure, theme: PlotThemeName): Required<Figure> {
    const style = getComputedStyle(this.node);
    return prepare(
      figure,
      themeOf((name) => style.getPropertyValue(name).trim(), theme),
    );
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
    if (this.isDisposed || !this.plotly || !this.shown || this.node.clientWidth === 0) return;
    if (this.outdated) void this.draw();
    else void this.plotly.Plots.resize(this.plot);
  }

  /** Shows the picture that stands beside the figure, else says why there is none. */
  private fallBack(picture: string | null, refusal: string): void {
    this.observer.disconnect();
    this.shown = null;
    if (picture === null) this.node.textContent = refusal;
    else {
      const image = document.createElement('img');
      image.src = picture;
      image.alt = refusal;
      this.node.replaceChildren(image);
    }
  }
}
