// The full build of plotly.js is 4.8 MB; the core and the traces of our figures are a fraction of it.
import Plotly from 'plotly.js/lib/core';
import bar from 'plotly.js/lib/bar';
import heatmap from 'plotly.js/lib/heatmap';

// scatter is part of the core.
Plotly.register([bar, heatmap]);

export default Plotly;
