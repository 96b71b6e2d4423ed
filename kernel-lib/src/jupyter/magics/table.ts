import type { MimeBundle } from '../protocol';

/** Rows of a name and its meaning, as text and as HTML. */
export function textAndTable(rows: readonly (readonly [string, string])[]): MimeBundle {
  const width = Math.max(...rows.map(([name]) => name.length));
  const text = rows.map(([name, meaning]) => `${name.padEnd(width)}  ${meaning}`).join('\n');
  const cells = rows.map(
    ([name, meaning]) =>
      `<tr><th style="text-align:left">${escape(name)}</th><td style="text-align:left">${escape(meaning)}</td></tr>`,
  );
  return { 'text/plain': text, 'text/html': `<table class="flashlab-table">${cells.join('')}</table>` };
}

function escape(text: string): string {
  return text.replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`);
}
