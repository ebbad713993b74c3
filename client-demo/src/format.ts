const plain = new Intl.NumberFormat(undefined, { maximumSignificantDigits: 6 });
const whole = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });
const clockTime = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' });
const dateTime = new Intl.DateTimeFormat(undefined, { dateStyle: 'short', timeStyle: 'medium' });

export function formatNumber(value: number): string {
  return Math.abs(value) >= 1e6 ? whole.format(value) : plain.format(value);
}

/** `23 %`; one decimal below 10. */
export function formatPercent(percent: number): string {
  return `${percent.toFixed(percent < 9.95 ? 1 : 0)} %`;
}

const SIZES = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

/** Three significant digits, decimal prefixes (SI): `12.3 MB`. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let size = 0;
  while (value >= 999.5 && size < SIZES.length - 1) {
    value /= 1_000;
    size += 1;
  }
  const digits = size === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${value.toFixed(digits)} ${SIZES[size]}`;
}

export function formatRate(bytesPerSecond: number): string {
  return `${formatBytes(bytesPerSecond)}/s`;
}

export function formatMilliseconds(milliseconds: number): string {
  return milliseconds >= 1_000
    ? `${(milliseconds / 1_000).toFixed(1)} s`
    : `${milliseconds.toFixed(milliseconds < 9.95 ? 1 : 0)} ms`;
}

/** `3 s`, `12 min`, `5 h`, `3 days`: in the largest unit that keeps it readable from afar. */
export function formatDuration(seconds: number): string {
  if (seconds < 100) return `${Math.round(seconds)} s`;
  if (seconds < 100 * 60) return `${Math.round(seconds / 60)} min`;
  if (seconds < 48 * 3_600) return `${Math.round(seconds / 3_600)} h`;
  return `${Math.round(seconds / 86_400)} days`;
}

/** `3 s ago` */
export function formatAge(milliseconds: number): string {
  return milliseconds < 500 ? 'just now' : `${formatDuration(Math.max(1, milliseconds / 1_000))} ago`;
}

export function formatClock(time: Date): string {
  return clockTime.format(time);
}

/** Whether a number is, by its size, a time in milliseconds between 2001 and 2096. */
export function looksLikeTime(value: number): boolean {
  return Number.isInteger(value) && value > 1e12 - 2e10 && value < 4e12;
}

/** A scalar as a person reads it. */
export function formatScalar(value: string | number | boolean | null): string {
  if (typeof value === 'number') return looksLikeTime(value) ? dateTime.format(value) : formatNumber(value);
  return value === null ? '–' : String(value);
}
