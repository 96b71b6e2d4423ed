import { Notification } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { GraphDiv, ModeBarButton, PlotlyCore } from 'plotly.js/lib/core';
import { fileName, titleOf } from './title';

/** Buttons of the mode bar that save the figure as it is on the screen: its size, its zoom, its colours. */
export function downloadButtons(plotly: PlotlyCore, trans: TranslationBundle): ModeBarButton[] {
  const download = (graph: GraphDiv, format: 'png' | 'svg', scale: number): void => {
    plotly
      .downloadImage(graph, { format, scale, filename: fileName(titleOf(graph.layout)) })
      .catch((reason: unknown) => {
        Notification.error(trans.__('The figure could not be saved: %1', String(reason)));
      });
  };
  return [
    {
      name: 'flashlabPng',
      title: trans.__('Download as PNG'),
      icon: plotly.Icons.camera,
      // Twice the points of the screen, for print.
      click: (graph) => download(graph, 'png', 2),
    },
    {
      name: 'flashlabSvg',
      title: trans.__('Download as SVG'),
      icon: plotly.Icons.disk,
      click: (graph) => download(graph, 'svg', 1),
    },
  ];
}
