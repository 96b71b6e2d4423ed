const ENTITIES: Record<string, string> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'", nbsp: ' ' };

/** The title of a figure's layout as plain text, '' where it has none: plotly reads a little HTML in its texts. */
export function titleOf(layout: Record<string, unknown> | undefined): string {
  const title = layout?.title as { text?: unknown } | string | null | undefined;
  const text = typeof title === 'string' ? title : title?.text;
  if (typeof text !== 'string') return '';
  return text
    .replace(/<br\s*\/?>/gi, ' ')
    .replace(/<\/?[a-z][^>]*>/gi, '')
    .replace(/&(?:#(\d+)|([a-z]+));/gi, (all: string, code: string | undefined, name: string) =>
      code ? character(Number(code), all) : (ENTITIES[name] ?? all),
    )
    .replace(/\s+/g, ' ')
    .trim();
}

/** The character of a code point; there is none above 0x10FFFF. */
const character = (code: number, otherwise: string): string =>
  code <= 0x10ffff ? String.fromCodePoint(code) : otherwise;

/** What a file with this figure is called, without its ending. */
export function fileName(title: string): string {
  const safe = title
    .normalize('NFKC')
    .replace(/[^\p{L}\p{N}.]+/gu, '-')
    .slice(0, 80)
    // A leading point hides a file, a trailing one is lost on Windows.
    .replace(/^[-.]+|[-.]+$/g, '');
  return safe || 'flashlab-figure';
}
