/** Lines shown before and after the one in question. */
const AROUND = 2;

/**
 * The lines of `text` around `line` with a caret under `column` (both 1-based, the column in UTF-16 units), `width` units
 * wide.
 */
export function excerpt(text: string, line: number, column: number, width = 1): string {
  const lines = text.split('\n');
  const first = Math.max(1, line - AROUND);
  const last = Math.min(lines.length, line + AROUND);
  const digits = String(last).length;
  const shown: string[] = [];
  for (let n = first; n <= last; n++) {
    const source = lines[n - 1]!;
    shown.push(`${n === line ? '>' : ' '} ${String(n).padStart(digits)} | ${source}`);
    if (n !== line) continue;
    // Tabs are kept, so that the caret stands below its character whatever their width.
    const indent = Array.from(source.slice(0, column - 1), (char) => (char === '\t' ? '\t' : ' ')).join('');
    const carets = Array.from(source.slice(column - 1, column - 1 + Math.max(1, width))).length;
    shown.push(`  ${' '.repeat(digits)} | ${indent}${'^'.repeat(Math.max(1, carets))}`);
  }
  return shown.join('\n');
}
