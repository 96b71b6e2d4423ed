/** The part of plotly.js in use here; the package carries no types of its own. */
declare module 'plotly.js/lib/core' {
  interface PlotlyCore {
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
