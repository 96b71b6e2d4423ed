const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/**
 * Text that is safe inside XML and HTML, in element content and in quoted attributes. Control characters and lone
 * surrogates, which no XML document may hold, become U+FFFD.
 */
export function escapeXml(text: string): string {
  return text
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '\ufffd')
    .replace(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, '\ufffd')
    .replace(/[&<>"']/g, (c) => ENTITIES[c]);
}

/** Text for a plotly label: plotly reads a little HTML in labels, so markup characters go in as entities. */
export function escapePlotly(text: string): string {
  return text.replace(/[&<>]/g, (c) => ENTITIES[c]);
}
