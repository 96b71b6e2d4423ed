/** The part of plotly.js in use here; the package carries no types of its own. */
declare module 'plotly.js/lib/core' {
  export interface Drawing {
    data: Record<string, unknown>[];
    layout: Record<string, unknown>;
    config: Record<string, unknown>;
  }
  /** An element with a drawing. */
  export interface GraphDiv extends HTMLElement {
    layout: Record<string, unknown>;
  }
  /** Without a width and a height a picture is as large as the drawing on the screen. */
  export interface ImageOptions {
    format: 'png' | 'svg';
    scale?: number;
    filename?: string;
    /** Leaves out the head of the data: address. */
    imageDataOnly?: boolean;
  }
  export interface ModeBarButton {
    /** Unlike that of every other button. */
    name: string;
    title: string;
    icon: object;
    click(graph: GraphDiv): void;
  }
  export interface PlotlyCore {
    register(modules: unknown[]): void;
    /** Draws into `node`, or updates what is drawn there. */
    react(
      node: HTMLElement,
      data: Record<string, unknown>[],
      layout: Record<string, unknown>,
      config: Record<string, unknown>,
    ): Promise<HTMLElement>;
    /** Removes the drawing and its listeners. */
    purge(node: HTMLElement): void;
    toImage(drawing: Drawing, options: ImageOptions): Promise<string>;
    downloadImage(graph: GraphDiv, options: ImageOptions): Promise<string>;
    Icons: Record<'camera' | 'disk', object>;
    Plots: { resize(node: HTMLElement): Promise<unknown> };
  }
  const Plotly: PlotlyCore;
  export default Plotly;
}
declare module 'plotly.js/lib/bar' {
  const trace: unknown;
  export default trace;
}
declare module 'plotly.js/lib/heatmap' {
  const trace: unknown;
  export default trace;
}
