import { parseCell, SIGILS, type ParsedCell } from '../magics/parse';
import { MAGIC_WORDS, magics } from '../magics/registry';
import { toPoints, toUnits } from '../magics/offsets';
import type { Json } from '../protocol';
import { spell } from './diagnostics';
import { helpTopic } from './help';
import type { Notebook } from './notebook';

/** Names by which compiled code calls magics; in the notebook they begin with `%`. */
const MAGIC_ROOT = new RegExp(`^\\$\\$?(${MAGIC_WORDS.join('|')})$`);

/** Answers complete_request. Positions count code points, as Jupyter does. */
export function complete(notebook: Notebook, request: Json): Json {
  const { text, cursor } = position(request);
  const parsed = parseCell(text, magics);
  const info = notebook.complete(parsed.code, parsed.offsets.toCode(cursor));
  const start = parsed.offsets.toCell(info.start);
  const end = Math.max(cursor, parsed.offsets.toCell(info.end));
  const typed = text.slice(start, cursor);
  const kinds = new Map(info.original?.entries.map((entry) => [entry.name, entry.kind as string]));
  const found = info.candidates.flatMap((name) => {
    const shown = spelling(name, typed);
    return shown === undefined ? [] : [{ text: shown, type: kinds.get(name) ?? '' }];
  });
  // TypeScript knows nothing of the reader's own magics.
  for (const { kind, name, prefix } of magics) {
    const spelled = SIGILS[kind].cell + name;
    if (prefix && typed.startsWith('%') && spelled.startsWith(typed)) found.push({ text: spelled, type: 'function' });
  }
  const span = { start: toPoints(text, start), end: toPoints(text, end) };
  return {
    status: 'ok',
    matches: found.map((each) => each.text),
    cursor_start: span.start,
    cursor_end: span.end,
    metadata: { _jupyter_types_experimental: found.map((each) => ({ ...each, ...span })) },
  };
}

/** Answers inspect_request: the type and the documentation of the name at the cursor, or of the call around it. */
export function inspect(notebook: Notebook, request: Json): Json {
  const { text, cursor } = position(request);
  const parsed = parseCell(text, magics);
  const info = quickInfo(notebook, parsed, cursor) ?? quickInfo(notebook, parsed, callee(text, cursor));
  if (!info) return { status: 'ok', found: false, data: {}, metadata: {} };
  return { status: 'ok', found: true, data: info, metadata: {} };
}

/** What is known of a name, magics with their sigils; undefined where nothing is. */
export function describeName(notebook: Notebook, name: string): Json | undefined {
  const own = magics.find((magic) => magic.prefix && SIGILS[magic.kind].cell + magic.name === name);
  if (own) return { 'text/plain': `${own.usage}\n\n${own.summary}` };
  return quickInfo(notebook, parseCell(name, magics), name.length);
}

/** Answers is_complete_request. */
export function isComplete(notebook: Notebook, request: Json): Json {
  const text = String(request.code ?? '');
  if (helpTopic(text) !== undefined) return { status: 'complete' };
  const parsed = parseCell(text, magics);
  const { compiler } = notebook.load();
  const answer = compiler.isCompleteCode(parsed.code);
  if (!answer.completed) return { status: 'incomplete', indent: answer.indent ?? '' };
  return { status: compiler.syntaxErrors(parsed.code) > 0 ? 'invalid' : 'complete' };
}

function position(request: Json): { text: string; cursor: number } {
  const { code, cursor_pos: points } = request;
  if (typeof code !== 'string') throw new TypeError(`code must be a string, got ${JSON.stringify(code)}`);
  return { text: code, cursor: typeof points === 'number' ? toUnits(code, points) : code.length };
}

/** How a completion is written in the notebook; undefined where it is no fit for what was typed. */
function spelling(name: string, typed: string): string | undefined {
  if (/^\$\$?user$/.test(name)) return undefined;
  const magic = MAGIC_ROOT.test(name);
  if (!typed.startsWith('%')) return magic ? undefined : name;
  if (!magic) return undefined;
  const kind = name.startsWith(SIGILS.cell.code) ? 'cell' : 'line';
  const written = SIGILS[kind].cell + name.slice(SIGILS[kind].code.length);
  return written.startsWith(typed) ? written : undefined;
}

function quickInfo(notebook: Notebook, parsed: ParsedCell, cursor: number | undefined): Json | undefined {
  if (cursor === undefined) return undefined;
  const at = parsed.offsets.toCode(cursor);
  // A cursor behind the last character of a name means that name.
  const info = notebook.inspect(parsed.code, at) ?? (at > 0 ? notebook.inspect(parsed.code, at - 1) : undefined);
  if (!info) return undefined;
  // Of an argument that is not written yet TypeScript knows only `any`, which says less than the call around it.
  if (info.displayParts?.length === 1 && info.displayParts[0]!.text === 'any') return undefined;
  const shown = (info.displayParts ?? []).map((part) => part.text).join('');
  // That a name is another's, and by which line, is no news to a reader.
  const signature = spell(shown.replace(/^\(alias\) /, '').replace(/\n(?:export|import) \S+$/, ''));
  const words = (info.documentation ?? []).map((part) => part.text).join('');
  const tags = (info.tags ?? []).map(({ name, text = [] }) => ({ name, text: text.map((part) => part.text).join('') }));
  const plain = [words, ...tags.map(({ name, text }) => `@${name} ${text}`.trim())].filter((part) => part !== '');
  return {
    'text/plain': [signature, ...(plain.length > 0 ? [plain.join('\n')] : [])].join('\n\n'),
    'text/markdown': [fenced(signature), words, tagsAsMarkdown(tags)].filter((part) => part !== '').join('\n\n'),
  };
}

const fenced = (code: string): string => `\`\`\`typescript\n${code}\n\`\`\``;

/** JSDoc tags as a list, an entry each; examples as code below it. */
function tagsAsMarkdown(tags: readonly { name: string; text: string }[]): string {
  const entries = tags
    .filter(({ name }) => name !== 'example')
    .map(({ name, text }) => {
      const [, parameter, rest] = /^(\S+)\s*([^]*)$/.exec(text) ?? [];
      const oneLine = (words: string): string => words.replace(/\s*\n\s*/g, ' ').trim();
      if (name === 'param' && parameter !== undefined) return `- \`${parameter}\` ${oneLine(rest!)}`;
      return `- **${name}** ${oneLine(text)}`.trimEnd();
    });
  const examples = tags.filter(({ name }) => name === 'example').map(({ text }) => fenced(text.trim()));
  return [entries.join('\n'), ...examples].filter((part) => part !== '').join('\n\n');
}

/** Offset of the name whose call the cursor stands in, for a reader who asks between the brackets. */
function callee(text: string, cursor: number): number | undefined {
  let depth = 0;
  for (let at = cursor - 1; at >= 0; at--) {
    const char = text[at]!;
    if (')]}'.includes(char)) depth++;
    if ('([{'.includes(char) && --depth < 0) {
      if (char === '(' && /[\p{ID_Continue}$]/u.test(text[at - 1] ?? '')) return at - 1;
      depth = 0;
    }
  }
  return undefined;
}
