/** A piece of TypeScript, as far as one must know it to tell magics from operators. */
export interface Token {
  kind: 'space' | 'newline' | 'comment' | 'text' | 'word' | 'mark';
  start: number;
  end: number;
}

/** Words after which a slash begins a regular expression, not a division. */
const BEFORE_EXPRESSION = new Set(
  'await case delete do else in instanceof new of return throw typeof void yield'.split(' '),
);

/**
 * Cuts `code` from `from` on into tokens that cover all of it. Strings, templates (with what is in their holes), regular
 * expressions and comments are one token each; every other character that is no word is a token by itself.
 */
export function* tokenize(code: string, from = 0): Generator<Token> {
  let at = from;
  let expressionMayStart = true;
  while (at < code.length) {
    const token = next(code, at, expressionMayStart);
    if (token.kind === 'word') expressionMayStart = BEFORE_EXPRESSION.has(code.slice(token.start, token.end));
    else if (token.kind === 'mark') expressionMayStart = !')]}'.includes(code[at]!);
    else if (token.kind === 'text') expressionMayStart = false;
    yield token;
    at = token.end;
  }
}

function next(code: string, start: number, expressionMayStart: boolean): Token {
  const two = code.slice(start, start + 2);
  const char = two[0]!;
  const token = (kind: Token['kind'], end: number): Token => ({ kind, start, end: Math.min(end, code.length) });
  const until = (pattern: RegExp): number => {
    pattern.lastIndex = start;
    return pattern.exec(code) ? pattern.lastIndex : code.length;
  };
  if (two === '//') return token('comment', until(/(?=\n)/g));
  if (two === '/*') {
    const close = code.indexOf('*/', start + 2);
    return token('comment', close < 0 ? code.length : close + 2);
  }
  if (char === '\n') return token('newline', start + 1);
  if (/\s/.test(char)) return token('space', until(/[^\S\n]+/y));
  if (char === "'" || char === '"') return token('text', quoted(code, start));
  if (char === '`') return token('text', template(code, start));
  if (char === '/' && expressionMayStart) return token('text', regularExpression(code, start));
  if (/[\p{ID_Continue}$#@]/u.test(char)) return token('word', until(/[\p{ID_Continue}$#@]+/uy));
  return token('mark', start + 1);
}

/** End of the quoted string at `start`; an unfinished one ends with its line. */
function quoted(code: string, start: number): number {
  let at = start + 1;
  while (at < code.length && code[at] !== '\n') {
    if (code[at] === code[start]) return at + 1;
    at += code[at] === '\\' ? 2 : 1;
  }
  return at;
}

function template(code: string, start: number): number {
  let at = start + 1;
  while (at < code.length) {
    if (code[at] === '`') return at + 1;
    if (code[at] === '\\') at += 2;
    else if (code[at] === '$' && code[at + 1] === '{') at = closing(code, at + 1);
    else at += 1;
  }
  return at;
}

function regularExpression(code: string, start: number): number {
  let at = start + 1;
  let inClass = false;
  while (at < code.length && code[at] !== '\n') {
    const char = code[at];
    if (char === '/' && !inClass) {
      const flags = /[a-z]*/y;
      flags.lastIndex = at + 1;
      flags.exec(code);
      return flags.lastIndex;
    }
    if (char === '[') inClass = true;
    if (char === ']') inClass = false;
    at += char === '\\' ? 2 : 1;
  }
  // No end on this line: it was a division after all.
  return start + 1;
}

/** Offset just after the bracket that closes the one at `open`; the end of the code where none does. */
export function closing(code: string, open: number): number {
  return matchingBracket(code, open) ?? code.length;
}

/** 1 for a bracket that opens, -1 for one that closes, 0 for any other token. */
export function nesting(code: string, { kind, start }: Token): number {
  if (kind !== 'mark') return 0;
  return '([{'.includes(code[start]!) ? 1 : ')]}'.includes(code[start]!) ? -1 : 0;
}

/** As `closing`, but undefined where no bracket closes the one at `open`. */
export function matchingBracket(code: string, open: number): number | undefined {
  let depth = 0;
  for (const token of tokenize(code, open)) {
    const step = nesting(code, token);
    depth += step;
    if (step < 0 && depth === 0) return token.end;
  }
  return undefined;
}
