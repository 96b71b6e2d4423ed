/** How a command ended: what it prints, and the exit code. */
export interface CommandResult {
  text: string;
  code: number;
}

/** One JSON object a line. Numbers that JSON does not have become text, so that a NaN cannot pass for a null. */
export function jsonLines(rows: readonly object[]): string {
  const plain = (_: string, value: unknown): unknown =>
    typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
  return rows.map((row) => `${JSON.stringify(row, plain)}\n`).join('');
}
