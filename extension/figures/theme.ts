import type { PlotThemeName } from './plot-theme';

/** Line and bar colours that stand out on a light and on a dark page: blue, orange, green, red, violet, teal. */
const COLOURS = ['#2f81d8', '#e5812b', '#36a164', '#d9534f', '#9467d0', '#1fa7a7'];

/** Colours of the page around a figure. */
interface Page {
  readonly text: string;
  /** Text of less weight. */
  readonly faint: string;
  readonly background: string;
  readonly grid: string;
  readonly line: string;
  readonly hover: string;
}

const LIGHT: Page = {
  text: '#212121',
  faint: '#616161',
  background: '#ffffff',
  grid: '#e0e0e0',
  line: '#bdbdbd',
  hover: '#eeeeee',
};
const DARK: Page = {
  text: '#e0e0e0',
  faint: '#bdbdbd',
  background: '#111111',
  grid: '#424242',
  line: '#616161',
  hover: '#424242',
};

/** Where JupyterLab's theme keeps them. */
const VARIABLES: Page = {
  text: '--jp-ui-font-color1',
  faint: '--jp-ui-font-color2',
  background: '--jp-layout-color0',
  grid: '--jp-border-color2',
  line: '--jp-border-color1',
  hover: '--jp-layout-color2',
};

function pageOf(read: (name: string) => string, theme: PlotThemeName): Page {
  if (theme !== 'jupyterlab') return theme === 'dark' ? DARK : LIGHT;
  const names = Object.keys(VARIABLES) as (keyof Page)[];
  return Object.fromEntries(names.map((name) => [name, read(VARIABLES[name]) || LIGHT[name]])) as unknown as Page;
}

/**
 * A plotly template that follows the JupyterLab theme, or has the colours of a light or dark page whatever the theme.
 * @param read gives the value of a CSS variable, '' where it is not set
 */
export function themeOf(read: (name: string) => string, theme: PlotThemeName = 'jupyterlab'): Record<string, unknown> {
  const { text, faint, background, grid, line, hover } = pageOf(read, theme);
  const axis = { gridcolor: grid, zerolinecolor: grid, linecolor: line, tickcolor: line, automargin: true };
  const layout = {
    font: { color: text, family: read('--jp-ui-font-family') || 'sans-serif', size: 12 },
    paper_bgcolor: background,
    plot_bgcolor: background,
    colorway: COLOURS,
    // plotly's own margins leave little of a figure that is as low as a cell.
    margin: { t: 48, r: 24, b: 48, l: 56 },
    xaxis: axis,
    yaxis: axis,
    legend: { bgcolor: 'rgba(0,0,0,0)' },
    hoverlabel: { bgcolor: hover, font: { color: text }, bordercolor: line },
    sliderdefaults: { bgcolor: hover, bordercolor: line, activebgcolor: line, tickcolor: line },
    updatemenudefaults: { bgcolor: background, bordercolor: line },
    modebar: { bgcolor: 'rgba(0,0,0,0)', color: faint, activecolor: text },
  };
  // Viridis reads alike in colour, in grey and on both pages.
  const colorbar = { outlinewidth: 0, thickness: 14, tickcolor: line };
  return { layout, data: { heatmap: [{ colorscale: 'Viridis', colorbar }] } };
}
