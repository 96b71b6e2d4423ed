import type { Magic } from './magic';

/** Magics that show the text of their cell as it is. */
const show = (name: string, mime: string, what: string): Magic => ({
  kind: 'cell',
  name,
  textBody: true,
  usage: `%%${name}`,
  summary: `Shows the cell as ${what}.`,

  run({ cell, body }) {
    const text = String(body).trim();
    cell.display({ [mime]: text, 'text/plain': text });
    return Promise.resolve();
  },
});

export const html = show('html', 'text/html', 'HTML');
export const markdown = show('markdown', 'text/markdown', 'Markdown');
export const svg = show('svg', 'image/svg+xml', 'an SVG picture');
