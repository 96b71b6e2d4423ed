import type { Json } from '../protocol';
import { type HistoryEntry, HistoryFile } from './history-file';

interface Entry extends HistoryEntry {
  /** null where there was none, and for all of earlier sessions. */
  readonly output: string | null;
}

/** Entries that are kept; the oldest go first. */
const KEPT = 1000;
/** An output is kept up to this many UTF-16 units. */
const OUTPUT_LIMIT = 10_000;

/** The cells that ran in this session and, as far as they are kept, in earlier ones. A session ends with its kernel. */
export class History {
  private readonly entries: Entry[];
  private readonly session: number;

  constructor(private readonly file = new HistoryFile(undefined)) {
    this.entries = file.read(KEPT).map((entry) => ({ ...entry, output: null }));
    this.session = 1 + this.entries.reduce((most, { session }) => Math.max(most, session), 0);
  }

  add(line: number, input: string, output: string | null): void {
    const entry: HistoryEntry = { session: this.session, line, input };
    this.entries.push({ ...entry, output: output === null ? null : output.slice(0, OUTPUT_LIMIT) });
    if (this.entries.length > KEPT) this.entries.shift();
    this.file.append(entry);
  }

  /** Answers a history_request: [session, line, input] or, with `output`, [session, line, [input, output]]. */
  answer(request: Json): Json {
    const found = this.select(request).map(({ session, line, input, output }) => [
      session,
      line,
      request.output === true ? [input, output] : input,
    ]);
    return { status: 'ok', history: found };
  }

  private select(request: Json): Entry[] {
    switch (request.hist_access_type) {
      case 'range': {
        // 0 is this session, and negative numbers count back from it.
        const asked = integer(request.session, 0);
        const session = asked > 0 ? asked : this.session + asked;
        const start = integer(request.start, 0);
        const stop = integer(request.stop, Infinity);
        return this.entries.filter((entry) => entry.session === session && entry.line >= start && entry.line < stop);
      }
      case 'search': {
        const pattern = glob(typeof request.pattern === 'string' ? request.pattern : '*');
        let found = this.entries.filter((entry) => pattern.test(entry.input));
        if (request.unique === true) {
          const last = new Map(found.map((entry) => [entry.input, entry]));
          found = found.filter((entry) => last.get(entry.input) === entry);
        }
        return tail(found, integer(request.n, Infinity));
      }
      default:
        return tail(this.entries, integer(request.n, Infinity));
    }
  }
}

function tail(entries: Entry[], n: number): Entry[] {
  return n === Infinity ? entries : entries.slice(Math.max(0, entries.length - n));
}

function integer(value: unknown, otherwise: number): number {
  return typeof value === 'number' && Number.isInteger(value) ? value : otherwise;
}

/** A pattern of the shell: `*` any text, `?` one character, `[abc]` one of these. */
function glob(pattern: string): RegExp {
  const source = pattern.replace(/\[[^\]]*\]|[*?]|[\\^$.|+(){}[\]]/g, (part) => {
    if (part === '*') return '[^]*';
    if (part === '?') return '[^]';
    if (part.length > 1) return part.replace(/^\[!/, '[^').replace(/\\/g, '\\\\');
    return `\\${part}`;
  });
  return new RegExp(`^${source}$`);
}
