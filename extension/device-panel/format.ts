const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** Bytes in the largest unit of 1024 that leaves a number of at least 1: `1.5 MiB`. */
export function formatBytes(bytes: number): string {
  let unit = 0;
  let value = bytes;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? value : round(value)} ${UNITS[unit]}`;
}

/** Milliseconds as people read them: `0.42 ms`, `12 ms`, `3.1 s`. */
export const formatMs = (ms: number): string => (ms < 1000 ? `${round(ms)} ms` : `${round(ms / 1000)} s`);

/** Three digits that count. */
export const round = (value: number): string =>
  value === 0 ? '0' : Number(value.toPrecision(3)).toLocaleString('en', { maximumSignificantDigits: 3 });
