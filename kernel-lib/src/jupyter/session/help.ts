/** The name that a cell `name?` or `?name` asks about; undefined for any other cell. */
export function helpTopic(cell: string): string | undefined {
  const [, before, behind] = /^\s*(?:\?{1,2}\s*([%\w$.]+)|([%\w$.]+)\s*\?{1,2})\s*$/.exec(cell) ?? [];
  return before ?? behind;
}
