import type { Json } from '../protocol';

interface Entry {
  line: number;
  input: string;
  output: string | null;
}

/** Entries that are kept; the oldest go first. */
const KEPT = 1000;
/** An output is kept up to this many UTF-16 units. */
const OUTPUT_LIMIT = 10_000;

/** The cells that ran in this session. It ends with the kernel, so its session number is always 1. */
export class History {
  private entries: Entry[] = [];

  add(line: number, input: string, output: string | null): void {
    this.entries.push({ line, input, output: output === null ? null : output.slice(0, OUTPUT_LIMIT) });
    if (this.entries.length > KEPT) this.entries.shift();
  }

  /** Answers a history_request: [session, line, input] or, with `output`, [session, line, [input, output]]. */
  answer(request: Json): Json {
    const found = this.select(request).map(({ line, input, output }) => [
      1,
      line,
      request.output === true ? [input, output] : input,
    ]);
    return { status: 'ok', history: found };
  }

  private select(request: Json): Entry[] {
    switch (request.hist_access_type) {
      case 'range': {
        // Sessions count from 1; 0 is this one and negative numbers are earlier ones, which are not kept.
        if (request.session !== undefined && request.session !== 0 && request.session !== 1) return [];
        const start = integer(request.start, 0);
        const stop = integer(request.stop, Infinity);
        return this.entries.filter((entry) => entry.line >= start && entry.line < stop);
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
