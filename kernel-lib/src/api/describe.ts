/** A short text for what came instead of what was expected, for error messages. */
export function describe(value: unknown): string {
  if (typeof value === 'string') return `'${value.length > 40 ? `${value.slice(0, 40)}…` : value}'`;
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value !== 'object' || value === null) return typeof value === 'function' ? 'a function' : String(value);
  if (Array.isArray(value)) {
    const parts = value.slice(0, 8).map((part) => (typeof part === 'object' ? '…' : String(part)));
    return `[${parts.join(', ')}${value.length > 8 ? ', …' : ''}]`;
  }
  const name = value.constructor?.name;
  return name && name !== 'Object' ? `a ${name}` : 'an object';
}
