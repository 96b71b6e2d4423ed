/** An element of a parsed document. */
export interface XmlElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: XmlElement[];
  /** Own text, entities resolved. */
  text: string;
}

const NAME = '[A-Za-z_][\\w:.-]*';
const TAG = new RegExp(`^<(/?)(${NAME})((?:\\s+${NAME}="[^"<]*")*)\\s*(/?)>`);
const ENTITY = /&(amp|lt|gt|quot|#39);/g;

/**
 * Reads the XML that our figures use (elements, quoted attributes, text, the five entities) and throws at the first thing
 * that is not well-formed: a tag left open, a bare "<" or "&", an attribute given twice, a character XML forbids.
 */
export function parseXml(source: string): XmlElement {
  const forbidden = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/.exec(source);
  if (forbidden) throw new Error(`forbidden character at ${forbidden.index}`);
  const root: XmlElement = { name: '', attributes: {}, children: [], text: '' };
  const open = [root];
  for (let at = 0; at < source.length;) {
    const parent = open[open.length - 1]!;
    if (source[at] !== '<') {
      const end = source.indexOf('<', at);
      const stop = end < 0 ? source.length : end;
      parent.text += resolve(source.slice(at, stop));
      at = stop;
      continue;
    }
    const tag = TAG.exec(source.slice(at));
    if (!tag) throw new Error(`not a tag at ${at}: ${source.slice(at, at + 60)}`);
    at += tag[0].length;
    const [, closing, name, attributes, selfClosing] = tag as unknown as [string, string, string, string, string];
    if (closing) {
      if (open.pop()!.name !== name) throw new Error(`</${name}> closes another element`);
      continue;
    }
    const element: XmlElement = { name, attributes: readAttributes(attributes), children: [], text: '' };
    parent.children.push(element);
    if (!selfClosing) open.push(element);
  }
  if (open.length !== 1) throw new Error(`<${open[open.length - 1]!.name}> is not closed`);
  if (root.children.length !== 1 || root.text.trim()) throw new Error('a document has one root element');
  return root.children[0]!;
}

/** All elements of that name, in document order. */
export function elements(root: XmlElement, name: string): XmlElement[] {
  return root.children.flatMap((child) => [...(child.name === name ? [child] : []), ...elements(child, name)]);
}

function readAttributes(source: string): Record<string, string> {
  const attributes: Record<string, string> = {};
  for (const [, name, value] of source.matchAll(new RegExp(`(${NAME})="([^"]*)"`, 'g'))) {
    if (name! in attributes) throw new Error(`attribute ${name} twice`);
    attributes[name!] = resolve(value!);
  }
  return attributes;
}

function resolve(text: string): string {
  const bare = /&(?!(amp|lt|gt|quot|#39);)/.exec(text);
  if (bare) throw new Error(`bare & in ${text}`);
  const characters: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" };
  return text.replace(ENTITY, (_, name: string) => characters[name]!);
}
