/** A part of a cell that is highlighted; offsets are UTF-16 units. */
export interface Span {
  readonly from: number;
  readonly to: number;
  readonly kind: 'magic' | 'keyword' | 'type' | 'attribute' | 'number' | 'comment';
}

/** Comments and blank lines may stand above a cell's magic. */
const HEAD = /^(?:\s*(?:\/\/[^\n]*|\/\*[^]*?\*\/)?\s*\n)*[ \t]*(%%[A-Za-z_][\w.]*)/;
const LINE = /^[ \t]*(%[A-Za-z_][\w.]*)/gm;
const HELP = /^\s*(?:\?{1,2}\s*[%\w$.]+|[%\w$.]+\s*\?{1,2})\s*$/;

const WGSL =
  /(?<comment>\/\/[^\n]*|\/\*[^]*?\*\/)|(?<attribute>@\w+)|(?<number>\b(?:0[xX][\da-fA-F]+|\d+\.?\d*(?:[eE][+-]?\d+)?)[iufh]?\b|\.\d+[fh]?)|(?<keyword>\b(?:alias|break|case|const|const_assert|continue|continuing|default|diagnostic|discard|else|enable|false|fn|for|if|let|loop|override|private|read|read_write|requires|return|storage|struct|switch|true|uniform|var|while|workgroup|write)\b)|(?<type>\b(?:bool|[fiu]32|f16|vec[234][fiuh]?|mat[234]x[234][fh]?|array|atomic|ptr|sampler|texture_\w+)\b)/g;

/** What of a cell is a magic, and in a `%%wgsl` cell what its words are. */
export function magicSpans(cell: string): Span[] {
  if (HELP.test(cell)) {
    const from = cell.search(/\S/);
    return [{ from, to: cell.trimEnd().length, kind: 'magic' }];
  }
  const head = HEAD.exec(cell);
  const spans: Span[] = [];
  if (head) {
    const to = head[0].length;
    spans.push({ from: to - head[1].length, to, kind: 'magic' });
    if (head[1] === '%%wgsl') return [...spans, ...wgslSpans(cell, bodyOf(cell, to))];
    if (['%%html', '%%markdown', '%%svg'].includes(head[1])) return spans;
  }
  for (const { 0: whole, 1: name, index } of cell.matchAll(LINE)) {
    const to = index + whole.length;
    spans.push({ from: to - name.length, to, kind: 'magic' });
  }
  return spans;
}

/** Where the text of a cell begins: on the line below the magic's arguments. */
function bodyOf(cell: string, from: number): number {
  let depth = 0;
  for (let at = from; at < cell.length; at++) {
    if ('([{'.includes(cell[at])) depth++;
    if (')]}'.includes(cell[at])) depth--;
    if (cell[at] === '\n' && depth <= 0) return at;
  }
  return cell.length;
}

function wgslSpans(cell: string, begin: number): Span[] {
  return Array.from(cell.slice(begin).matchAll(WGSL), ({ 0: word, index, groups = {} }): Span => {
    const kind = Object.keys(groups).find((name) => groups[name] !== undefined) as Span['kind'];
    return { from: begin + index, to: begin + index + word.length, kind };
  });
}
