import { FlashError } from './errors';

// What flash.wgsl has to know of a reader's WGSL, found in its text: WebGPU itself tells neither names nor accesses. Only text
// that has compiled comes here, so this need not understand all of it.

/** A variable with @group(0) and @binding. */
export interface WgslVariable {
  readonly name: string;
  readonly binding: number;
  readonly access: 'read' | 'read_write';
}

export interface WgslSource {
  readonly variables: readonly WgslVariable[];
  /** Names of the @compute functions. */
  readonly entryPoints: readonly string[];
}

const IDENTIFIER = '[\\p{XID_Start}_]\\p{XID_Continue}*';
const ATTRIBUTES = '(?:@\\s*\\w+(?:\\s*\\((?:[^()]|\\([^()]*\\))*\\))?\\s*)+';
const VARIABLE = new RegExp(`(${ATTRIBUTES})var\\s*(?:<([^>]*)>)?\\s*(${IDENTIFIER})`, 'gu');
const FUNCTION = new RegExp(`(${ATTRIBUTES})fn\\s+(${IDENTIFIER})`, 'gu');

/** @throws FlashError INVALID_ARGUMENT for variables that flash.wgsl cannot bind */
export function readSource(code: string): WgslSource {
  const text = withoutComments(code);
  const functions = [...text.matchAll(FUNCTION)];
  return {
    variables: [...text.matchAll(VARIABLE)].map(([, attributes, space, name]) =>
      variable(attributes, space ?? '', name),
    ),
    entryPoints: functions.filter(([, attributes]) => /@\s*compute\b/.test(attributes)).map(([, , name]) => name),
  };
}

function variable(attributes: string, space: string, name: string): WgslVariable {
  const numberOf = (attribute: string): number => {
    const value = new RegExp(`@\\s*${attribute}\\s*\\(([^)]*)\\)`).exec(attributes)?.[1] ?? '';
    // An i or u may end it, and a comma the argument.
    return Number(/^\s*(0[xX][\da-fA-F]+|\d+)[iu]?\s*,?\s*$/.exec(value)?.[1] ?? NaN);
  };
  const binding = numberOf('binding');
  if (numberOf('group') !== 0 || Number.isNaN(binding)) {
    throw new FlashError(
      'INVALID_ARGUMENT',
      `code: expected @group(0) and a number in @binding before '${name}', got ${attributes.trim()}.`,
    );
  }
  const [kind, access = 'read'] = space.split(',').map((part) => part.trim());
  if (kind !== 'storage' || (access !== 'read' && access !== 'read_write')) {
    throw new FlashError(
      'INVALID_ARGUMENT',
      `code: expected '${name}' to be var<storage, read> or var<storage, read_write>, got var${space && `<${space}>`}; ` +
        "for single numbers declare 'override' constants and give them as the option constants.",
    );
  }
  return { name, binding, access };
}

/** The text with a blank in place of each comment. */
function withoutComments(code: string): string {
  let result = '';
  for (let at = 0; at < code.length;) {
    const end = commentEnd(code, at);
    result += end === at ? code[at] : ' ';
    at = Math.max(end, at + 1);
  }
  return result;
}

/** Where a comment that begins at `at` ends; `at` itself if none begins there. Block comments may hold others. */
function commentEnd(code: string, at: number): number {
  if (code.startsWith('//', at)) {
    const length = code.slice(at).search(/[\n\v\f\r\u0085\u2028\u2029]/);
    return length < 0 ? code.length : at + length;
  }
  if (!code.startsWith('/*', at)) return at;
  let depth = 0;
  for (const mark of code.slice(at).matchAll(/\/\*|\*\//g)) {
    depth += mark[0] === '/*' ? 1 : -1;
    if (depth === 0) return at + mark.index + 2;
  }
  return code.length;
}
