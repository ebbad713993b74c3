/** A header field as it was received. */
type Received = string | string[] | undefined;

/** A field that comes once; of one that came more often, the first. */
export function single(field: Received): string | undefined {
  return Array.isArray(field) ? field[0] : field;
}

/** Longer than anybody waits; more digits would leave what a date can hold. */
const LONGEST_SECONDS = 1e9;
/** The name of a month: by it every form of an HTTP-date (RFC 9110, section 5.6.7) is told from a mere number. */
const MONTH = /\b(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)/i;

/**
 * A Retry-After field (RFC 9110, section 10.2.3) in ms from `now`; `undefined` if there is none that can be read.
 * `Date.parse` alone would not do: it takes `2.5` and `+5` for dates long past.
 */
export function retryAfterOf(field: Received, now: number): number | undefined {
  const text = single(field);
  if (text === undefined) return undefined;
  if (/^\d+$/.test(text)) return Math.min(Number(text), LONGEST_SECONDS) * 1_000;
  const date = MONTH.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
