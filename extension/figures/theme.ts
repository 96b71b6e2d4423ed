/** Line and bar colours that stand out on a light and on a dark page: blue, orange, green, red, violet, teal. */
const COLOURS = ['#2f81d8', '#e5812b', '#36a164', '#d9534f', '#9467d0', '#1fa7a7'];

/**
 * A plotly template that follows the JupyterLab theme.
 * @param read gives the value of a CSS variable, '' where it is not set
 */
export function themeOf(read: (name: string) => string): Record<string, unknown> {
  const text = read('--jp-ui-font-color1') || '#212121';
  const background = read('--jp-layout-color0') || '#ffffff';
  const grid = read('--jp-border-color2') || '#e0e0e0';
  const line = read('--jp-border-color1') || '#bdbdbd';
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
    hoverlabel: { bgcolor: read('--jp-layout-color2') || '#eeeeee', font: { color: text }, bordercolor: line },
    modebar: { bgcolor: 'rgba(0,0,0,0)', color: line, activecolor: text },
  };
  // Viridis reads alike in colour, in grey and on both pages.
  const colorbar = { outlinewidth: 0, thickness: 14, tickcolor: line };
  return { layout, data: { heatmap: [{ colorscale: 'Viridis', colorbar }] } };
}
