import type { TranslationBundle } from '@jupyterlab/translation';
import type { ModeBarButton } from 'plotly.js/lib/core';

/** A plotly figure as it stands in a notebook: plain JSON. */
export interface Figure {
  data: Record<string, unknown>[];
  layout?: Record<string, unknown>;
  config?: Record<string, unknown>;
}

/** The trace types that plotly.ts registers; scatter is what a trace without a type is. */
export const TRACE_TYPES: readonly string[] = ['scatter', 'heatmap', 'bar'];

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Null where `value` is a figure that can be drawn here, else the reason why not, for the reader of the notebook. */
export function drawable(value: unknown, trans: TranslationBundle): string | null {
  if (!isRecord(value) || !Array.isArray(value.data)) {
    return trans.__('This output is no plotly figure: it has no list "data".');
  }
  for (const trace of value.data) {
    const type = isRecord(trace) ? (trace.type ?? 'scatter') : undefined;
    if (typeof type !== 'string') {
      return trans.__('This output is no plotly figure: a trace is not an object with a type.');
    }
    if (!TRACE_TYPES.includes(type)) {
      return trans.__(
        "FlashLab draws %1; this figure has a trace of type %2. Plotly's own JupyterLab extension draws it.",
        TRACE_TYPES.join(', '),
        type,
      );
    }
  }
  return null;
}

/** `over` laid over `base`, objects merged key by key; neither is changed. */
function merge(base: Record<string, unknown>, over: Record<string, unknown>): Record<string, unknown> {
  const merged = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const below = merged[key];
    merged[key] = isRecord(below) && isRecord(value) ? merge(below, value) : value;
  }
  return merged;
}

/** plotly.js 3 no longer takes a title that is a plain text, as many figures have it. */
function withTitles(layout: Record<string, unknown>): Record<string, unknown> {
  const titled = { ...layout };
  if (typeof titled.title === 'string') titled.title = { text: titled.title };
  for (const [name, axis] of Object.entries(layout)) {
    if (/^[xy]axis\d*$/.test(name) && isRecord(axis)) titled[name] = withTitles(axis);
  }
  return titled;
}

/**
 * The figure as plotly.js is to draw it: the theme (a template) lies below the figure's own, so what the figure says
 * wins; it fills its cell and keeps its zoom when it is drawn again. The figure itself is not changed, as plotly.js
 * writes into what it is given.
 */
export function prepare(figure: Figure, theme: Record<string, unknown>): Required<Figure> {
  const own = structuredClone(figure);
  const layout = withTitles(own.layout ?? {});
  const template = isRecord(layout.template) ? layout.template : {};
  return {
    data: own.data,
    layout: { autosize: true, uirevision: 'kept', ...layout, template: merge(theme, template) },
    config: { responsive: false, displaylogo: false, ...own.config },
  };
}

/** The config with these buttons in the place of plotly's own camera; a figure that has no camera gets none. */
export function withButtons(config: Record<string, unknown>, buttons: ModeBarButton[]): Record<string, unknown> {
  const [removed, added] = [listOf(config.modeBarButtonsToRemove), listOf(config.modeBarButtonsToAdd)];
  if (removed.includes('toImage')) return config;
  return {
    ...config,
    modeBarButtonsToRemove: [...removed, 'toImage'],
    modeBarButtonsToAdd: [...added, ...buttons],
  };
}

const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
