import { matchingBracket, nesting, tokenize } from './lexer';
import { Offsets, type Insertion } from './offsets';

/** `%%` stands on the first line and takes the whole cell; `%` stands on a line of its own. */
export type MagicKind = 'cell' | 'line';

/**
 * What stands behind the name of a magic, if not arguments in parentheses, which are TypeScript and always allowed:
 * - 'text': the rest of the line, as a string;
 * - 'expression': one that the magic itself evaluates;
 * - 'name': that of a variable which gets the value of the call.
 */
export type MagicArgument = 'text' | 'expression' | 'name';

/** What the parser must know of a magic. */
export interface MagicName {
  readonly kind: MagicKind;
  readonly name: string;
  readonly takes?: MagicArgument;
  /** The rest of the cell is no TypeScript: the magic gets it as text. */
  readonly textBody?: boolean;
  /** Where the functions that compiled code calls are not declared one by one: what stands before the name. */
  readonly prefix?: string;
}

/** Something wrong with the magics of a cell. */
export interface MagicProblem {
  message: string;
  /** Offsets in the cell. */
  start: number;
  end: number;
}

export interface ParsedCell {
  /** TypeScript for the compiler. */
  code: string;
  offsets: Offsets;
  problems: MagicProblem[];
  /** The rest of the cell, where it is text; line breaks stand before it, so that its lines are numbered as in the cell. */
  textBody?: string;
}

/** How a magic's sigil is spelled in TypeScript: as long as in the cell, so that no column moves. */
export const SIGILS = { cell: { cell: '%%', code: '$$' }, line: { cell: '%', code: '$' } } as const;

/**
 * Turns the magics of a cell into TypeScript: `%%flash.attention({ … })` into `$$flash.attention({ … });`, a call of a
 * global that the kernel declares, so that the compiler checks, completes and explains the argument like any other.
 */
export function parseCell(cell: string, known: readonly MagicName[]): ParsedCell {
  if (!cell.includes('%')) return { code: cell, offsets: new Offsets([]), problems: [] };
  const text = cell.split('');
  const insertions: Insertion[] = [];
  const problems: MagicProblem[] = [];
  const all = findMagics(cell, known);
  const [head] = all;
  const takesText = head?.first === true && head.kind === 'cell' && magicOf(head, known)?.textBody === true;
  for (const found of takesText ? [head] : all) {
    const { kind, start, nameEnd, name } = found;
    SIGILS[kind].code.split('').forEach((char, i) => (text[start + i] = char));
    const report = (message: string): void => void problems.push({ message, start, end: nameEnd });
    if (kind === 'cell' && !found.first) report(`%%${name} must be on the first line of its cell`);
    const magic = magicOf(found, known);
    if (!magic) report(unknown(kind, name, known));
    if (kind === 'line') insertions.push({ at: start, text: 'await ' });
    if (magic?.prefix) insertions.push({ at: nameEnd - name.length, text: magic.prefix });
    const open = spacesEnd(cell, nameEnd);
    if (magic?.takes && cell[open] !== '(') {
      const problem = takeArgument(magic.takes, cell, found, text, insertions);
      if (problem) report(`${SIGILS[kind].cell}${name}: ${problem}`);
      continue;
    }
    const end = cell[open] === '(' ? matchingBracket(cell, open) : nameEnd;
    // Without its closing bracket the call is left as it is: TypeScript says what is missing.
    if (end === undefined) continue;
    const rest = cell.slice(end, lineEnd(cell, end)).trim();
    if (rest !== '' && !/^(;|\/\/|\/\*)/.test(rest) && magic) {
      report(
        `after ${SIGILS[kind].cell}${name} nothing may follow but an argument in parentheses, such as ${SIGILS[kind].cell}${name}({ … }); got ${rest}`,
      );
    }
    if (magic) insertions.push({ at: end, text: (end === nameEnd ? '()' : '') + (rest.startsWith(';') ? '' : ';') });
  }
  const textBody = takesText ? cutBody(cell, head, text) : undefined;
  const offsets = new Offsets(insertions);
  return { code: offsets.apply(text.join('')), offsets, problems, ...(textBody !== undefined && { textBody }) };
}

const magicOf = (
  { kind, name }: Pick<FoundMagic, 'kind' | 'name'>,
  known: readonly MagicName[],
): MagicName | undefined => known.find((magic) => magic.kind === kind && magic.name === name);

/** Makes what stands behind a name the argument of its call; returns what is wrong with it. */
function takeArgument(
  takes: MagicArgument,
  cell: string,
  { start, nameEnd }: FoundMagic,
  text: string[],
  insertions: Insertion[],
): string | undefined {
  const end = takes === 'expression' ? expressionEnd(cell, nameEnd) : lineEnd(cell, nameEnd);
  const rest = cell.slice(nameEnd, end).trim();
  const blank = (): void => {
    for (let at = nameEnd; at < end; at++) text[at] = ' ';
  };
  if (takes === 'expression') {
    if (rest === '') return 'expected an expression behind it';
    insertions.push({ at: nameEnd, text: '(async () => (' }, { at: end, text: '));' });
  } else if (takes === 'text') {
    blank();
    insertions.push({ at: nameEnd, text: rest === '' ? '();' : `(${JSON.stringify(rest)});` });
  } else {
    if (!/^([A-Za-z_$][\w$]*)?$/.test(rest)) return `expected the name of a variable, got ${rest}`;
    blank();
    if (rest !== '') insertions.push({ at: start, text: `const ${rest} = ` });
    insertions.push({ at: nameEnd, text: '();' });
  }
  return undefined;
}

/** Where the expression from `from` on ends: at a semicolon or line break outside all brackets. */
function expressionEnd(cell: string, from: number): number {
  let depth = 0;
  for (const token of tokenize(cell, from)) {
    const char = cell[token.start]!;
    if (depth === 0 && (token.kind === 'newline' || token.kind === 'comment' || char === ';')) return token.start;
    depth += nesting(cell, token);
  }
  return cell.length;
}

/** Takes the body out of the code: what stands below the line on which the magic's arguments end. */
function cutBody(cell: string, { nameEnd }: FoundMagic, text: string[]): string {
  const open = spacesEnd(cell, nameEnd);
  const end = lineEnd(cell, cell[open] === '(' ? (matchingBracket(cell, open) ?? nameEnd) : nameEnd);
  for (let at = end; at < text.length; at++) if (text[at] !== '\n') text[at] = ' ';
  return cell.slice(0, end).replace(/[^\n]/g, '') + cell.slice(end);
}

interface FoundMagic {
  kind: MagicKind;
  /** Offset of the sigil. */
  start: number;
  nameEnd: number;
  name: string;
  /** Whether nothing but comments stands before it. */
  first: boolean;
}

/** Finds the `%` and `%%` that begin a line and are no remainder operator, no text and no comment. */
function findMagics(cell: string, known: readonly MagicName[]): FoundMagic[] {
  const found: FoundMagic[] = [];
  let previous = '';
  let depth = 0;
  let lineStarts = true;
  let tokens = tokenize(cell);
  for (let step = tokens.next(); !step.done; step = tokens.next()) {
    const token = step.value;
    if (token.kind === 'space' || token.kind === 'comment') continue;
    if (token.kind === 'newline') {
      lineStarts = true;
      continue;
    }
    const char = cell[token.start]!;
    if (char === '%' && lineStarts) {
      const kind: MagicKind = cell[token.start + 1] === '%' ? 'cell' : 'line';
      const nameStart = token.start + SIGILS[kind].cell.length;
      const name = /[A-Za-z_]\w*(\.\w*)*|/y;
      name.lastIndex = nameStart;
      const spelled = name.exec(cell)![0];
      const afterStatement = ['', ';', '{', '}'].includes(previous);
      const isKnown = known.some((magic) => magic.name === spelled);
      // `a` on one line and `% b` on the next is a remainder, unless `b` is the name of a magic.
      if (kind === 'cell' || afterStatement || (depth === 0 && isKnown)) {
        found.push({
          kind,
          start: token.start,
          nameEnd: nameStart + spelled.length,
          name: spelled,
          first: previous === '',
        });
        const nameEnd = nameStart + spelled.length;
        const { takes } = magicOf({ kind, name: spelled }, known) ?? {};
        // What is text is not TypeScript: a quote in it begins no string.
        tokens = tokenize(cell, takes === 'text' ? lineEnd(cell, nameEnd) : nameEnd);
        previous = ';';
        lineStarts = false;
        continue;
      }
    }
    lineStarts = false;
    depth += nesting(cell, token);
    previous = token.kind === 'mark' ? char : 'a';
  }
  return found;
}

function spacesEnd(text: string, from: number): number {
  let at = from;
  while (text[at] === ' ' || text[at] === '\t') at++;
  return at;
}

function lineEnd(text: string, from: number): number {
  const end = text.indexOf('\n', from);
  return end < 0 ? text.length : end;
}

function unknown(kind: MagicKind, name: string, known: readonly MagicName[]): string {
  const spelled = SIGILS[kind].cell + name;
  const names = known.map((magic) => SIGILS[magic.kind].cell + magic.name);
  const nearest = [...names].sort((a, b) => distance(spelled, a) - distance(spelled, b))[0];
  return `unknown magic ${spelled}${nearest === undefined ? '' : `; the nearest is ${nearest}`} (%lsmagic lists all)`;
}

/** Levenshtein distance of two short texts. */
export function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(next[j - 1]! + 1, row[j]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length]!;
}
