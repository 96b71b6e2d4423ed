import { Signal, type ISignal } from '@lumino/signaling';

/** Whose colours the figures have: those of JupyterLab's theme, or always those of a light or a dark page. */
export type PlotThemeName = 'jupyterlab' | 'light' | 'dark';

/** The choice of colours that all figures follow. */
export class PlotTheme {
  private name: PlotThemeName = 'jupyterlab';
  private readonly nameChanged = new Signal<this, PlotThemeName>(this);

  get current(): PlotThemeName {
    return this.name;
  }

  set current(name: PlotThemeName) {
    if (name === this.name) return;
    this.name = name;
    this.nameChanged.emit(name);
  }

  get changed(): ISignal<this, PlotThemeName> {
    return this.nameChanged;
  }
}
