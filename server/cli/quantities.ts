/** `812 B`, `4.1 kB`, `64 MB`: three digits at most, powers of 1024. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 'B';
  for (const larger of ['kB', 'MB', 'GB', 'TB']) {
    if (value < 999.5) break;
    value /= 1024;
    unit = larger;
  }
  return `${unit === 'B' || value >= 99.5 ? Math.round(value) : Number(value.toPrecision(2))} ${unit}`;
}

/** `0.8 ms`, `123 ms`, `4.2 s`, `3 min 20 s`. */
export function formatElapsed(ms: number): string {
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/** `1 page`, `3 pages`. */
export function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}
