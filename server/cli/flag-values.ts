import { MAX_TIMER_MS, parseDuration } from '../config/duration.js';
import { redactUrl } from '../web/redact-url.js';
import { UsageError } from './exit.js';

const BYTES_UNITS: Readonly<Record<string, number>> = {
  '': 1,
  k: 1024,
  m: 1024 ** 2,
  g: 1024 ** 3,
  t: 1024 ** 4,
};

/** A whole number from `least` on. */
export function wholeNumber(flag: string, text: string, least: number): number {
  if (/^\d{1,9}$/.test(text) && Number(text) >= least) return Number(text);
  throw new UsageError(`${flag} is "${text}"; it must be a whole number from ${least}`);
}

/** A duration in ms, from `least` on. */
export function duration(flag: string, text: string, least = 0): number {
  const ms = parseDuration(text, MAX_TIMER_MS);
  if (ms !== undefined && ms >= least) return ms;
  throw new UsageError(`${flag} is "${text}"; it must be a time like 250ms, 10s or 5m`);
}

/** A number of bytes: `500000`, `64k`, `1.5G` (powers of 1024). */
export function bytes(flag: string, text: string): number {
  const match = /^(\d{1,12}(?:\.\d{1,3})?)([kmgt]?)(?:i?b)?$/i.exec(text);
  const number = match ? Math.round(Number(match[1]) * BYTES_UNITS[match[2]!.toLowerCase()]!) : 0;
  if (number >= 1 && number <= Number.MAX_SAFE_INTEGER) return number;
  throw new UsageError(`${flag} is "${text}"; it must be a size like 500000, 64k, 20M or 1G`);
}

/** An address on the web. */
export function webUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url;
  throw new UsageError(`"${redactUrl(text)}" is no URL; an example of one is https://example.com/`);
}
