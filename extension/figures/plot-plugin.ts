import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { IThemeManager } from '@jupyterlab/apputils';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { IFlashSettings } from '../settings';
import { MIME_TYPE, PlotRenderer } from './plot-renderer';
import { PlotTheme } from './plot-theme';

/**
 * Lower ranks win. Plotly's own extension registers with 0 and keeps the first place where it is installed; ours still
 * comes before HTML (50) and SVG (80), the forms that stand beside the figure for viewers without any extension.
 */
const RANK = 40;

/** Draws outputs of type application/vnd.plotly.v1+json. */
export const plotRenderer: JupyterFrontEndPlugin<void> = {
  id: 'jupyterlab-flashlab:plot-renderer',
  description: 'Draws the figures of FlashLab with plotly.js in the colours of the JupyterLab theme.',
  autoStart: true,
  requires: [IRenderMimeRegistry, IFlashSettings],
  optional: [IThemeManager, ITranslator],
  activate: (
    _app: JupyterFrontEnd,
    registry: IRenderMimeRegistry,
    settings: IFlashSettings,
    themes: IThemeManager | null,
    translator: ITranslator | null,
  ) => {
    const plotTheme = new PlotTheme();
    const read = (): void => void (plotTheme.current = settings.current.plotTheme);
    settings.changed.connect(read);
    read();
    const options = {
      plotTheme,
      themeChanged: themes?.themeChanged ?? null,
      trans: (translator ?? nullTranslator).load('jupyterlab_flashlab'),
    };
    registry.addFactory({ safe: true, mimeTypes: [MIME_TYPE], createRenderer: () => new PlotRenderer(options) }, RANK);
  },
};
