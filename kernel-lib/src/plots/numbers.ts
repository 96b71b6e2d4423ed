/** A number with `digits` significant digits and no superfluous zeros: 0.00123 -> "0.00123", 1234567 -> "1234567". */
export function formatNumber(value: number, digits = 3): string {
  if (!Number.isFinite(value)) return String(value);
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size < 1e-4 || size >= 1e9) return value.toExponential(digits - 1).replace('e+', 'e');
  // Digits before the point are always kept whole: 12345 must not read 12300.
  return size >= 10 ** (digits - 1) ? String(Math.round(value)) : String(Number(value.toPrecision(digits)));
}

/** An error or a bound, always in the same shape: 1.23e-6. */
export function formatError(value: number): string {
  return Number.isFinite(value) ? value.toExponential(2) : String(value);
}

/** Milliseconds with their unit: "0.82 ms", "12.4 ms", "3.1 s". */
export function formatMs(ms: number): string {
  return ms >= 10_000 ? `${formatNumber(ms / 1000)} s` : `${formatNumber(ms)} ms`;
}

/** Bytes in binary units: "512 B", "96 KiB", "1.5 MiB". */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let power = 0;
  while (power < units.length - 1 && Math.abs(bytes) >= 1024 ** (power + 1)) power++;
  return `${formatNumber(bytes / 1024 ** power)} ${units[power]}`;
}

/** A whole number, exact, in groups of three digits: "1,048,576". */
export function formatCount(count: number): string {
  return count.toLocaleString('en-US', { maximumFractionDigits: 0 });
}
