import type { Diagnostic } from 'tslab/dist/converter';
import { lineColumn, toPoints, type Offsets } from '../magics/offsets';
import { SIGILS } from '../magics/parse';
import { MAGIC_WORDS } from '../magics/registry';
import type { ErrorContent } from '../protocol';
import { excerpt } from './excerpt';

/** The sigil of a magic in compiled code. */
const SPELLED = new RegExp(`\\$\\$?(?=(${MAGIC_WORDS.join('|')})\\b)`, 'g');

/** A complaint about the text of a cell; offsets are those of the cell, in UTF-16 units. */
export interface Complaint {
  message: string;
  start: number;
  end: number;
  /** File it speaks of where that is not the cell, with its own place in it. */
  elsewhere?: string;
}

/** How many complaints are shown with their lines. */
const SHOWN = 10;

/** tslab's diagnostics of compiled code as complaints about the cell. */
export function complaints(diagnostics: readonly Diagnostic[], offsets: Offsets): Complaint[] {
  const found: Complaint[] = [];
  let last: Diagnostic | undefined;
  for (const diagnostic of diagnostics) {
    const { start, end, messageText, fileName, code } = diagnostic;
    // tslab flattens a chain of explanations; those after the first belong to it.
    if (last && fileName === undefined && start.offset === last.start.offset && end.offset === last.end.offset) {
      found.at(-1)!.message += `\n  ${spell(messageText)}`;
      continue;
    }
    last = diagnostic;
    found.push({
      message: `${spell(messageText)} (TS${code})${hint(messageText)}`,
      start: offsets.toCell(start.offset),
      end: offsets.toCell(end.offset),
      ...(fileName !== undefined && { elsewhere: `${fileName}:${start.line + 1}:${start.character + 1}` }),
    });
  }
  return found;
}

/** The error content of a cell that was not run: every complaint with line, column and the text it speaks of. */
export function describeComplaints(ename: string, found: readonly Complaint[], cell: string): ErrorContent {
  const lines = found.map((complaint) => `${where(complaint, cell)}: ${complaint.message}`);
  const blocks = found.slice(0, SHOWN).map((complaint, i) => {
    const head = `${ename} at ${lines[i]}`;
    if (complaint.elsewhere !== undefined) return head;
    const { line, column } = lineColumn(cell, complaint.start);
    return `${head}\n${excerpt(cell, line + 1, column + 1, complaint.end - complaint.start)}`;
  });
  if (found.length > SHOWN) blocks.push(`and ${found.length - SHOWN} more`);
  return { ename, evalue: lines.join('\n'), traceback: blocks.join('\n\n').split('\n') };
}

function where(complaint: Complaint, cell: string): string {
  if (complaint.elsewhere !== undefined) return complaint.elsewhere;
  const { line, column } = lineColumn(cell, complaint.start);
  const text = cell.split('\n')[line]!;
  return `line ${line + 1}, column ${toPoints(text, column) + 1}`;
}

/** What a reader most likely forgot. */
const hint = (message: string): string =>
  /^Property '.*' does not exist on type 'Promise</.test(message) ? " Did you forget 'await'?" : '';

/** TypeScript speaks of the names that it compiles, and of the files of types; readers wrote the magics, and know the types. */
export function spell(text: string): string {
  return text
    .replace(/import\("[^"]*"\)\./g, '')
    .replace(SPELLED, (sigil) => (sigil === SIGILS.cell.code ? SIGILS.cell.cell : SIGILS.line.cell));
}
