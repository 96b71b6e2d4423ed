// What flash.wgsl has to know of a reader's WGSL, found in its text: WebGPU itself tells neither names nor accesses. The text
// has compiled when it is read, so this need not understand all of it.

/** A variable with @group and @binding. */
export interface WgslVariable {
  readonly name: string;
  readonly group: number;
  readonly binding: number;
  /** 'read' or 'read_write' of a storage buffer; null for what is none (a uniform, a texture). */
  readonly access: 'read' | 'read_write' | null;
  /** The declaration up to the name, for errors. */
  readonly text: string;
}

const IDENTIFIER = '[\\p{XID_Start}_][\\p{XID_Continue}]*';
const ATTRIBUTES = '(?:@\\s*\\w+\\s*(?:\\((?:[^()]|\\([^()]*\\))*\\))?\\s*)+';

/** The text with blanks in place of comments; those between slash and star may be nested. */
export function withoutComments(code: string): string {
  let result = '';
  let depth = 0;
  // A line comment, an end of a block, or any single character.
  for (const [part] of code.matchAll(/\/\*|\*\/|\/\/[^\n\v\f\r\u0085\u2028\u2029]*|[^]/g)) {
    if (part === '/*') depth++;
    // Inside of a block, two slashes begin nothing: what they cover is looked at again.
    const inside = depth > 0;
    if (inside && part.startsWith('//')) {
      for (const [end] of part.matchAll(/\/\*|\*\//g)) depth += end === '/*' ? 1 : -1;
    } else if (part === '*/' && inside) {
      depth--;
    }
    result += inside || part.startsWith('//') ? part.replace(/./g, ' ') : part;
  }
  return result;
}
